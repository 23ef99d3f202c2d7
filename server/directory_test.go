package server

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
)

// inFolder is a request's query for directory mode.
func inFolder(dir string) string { return "?db=" + url.QueryEscape(dir) }

// Only one who opens it as a database may read or write a database's file, in use or not.
func TestDirectoryModeKeepsAwayFromDatabases(t *testing.T) {
	s := startServer(t, testOptions{})
	if err := os.Rename(testdb.CreateUnchecked(t), filepath.Join(s.dir, "cold.data")); err != nil {
		t.Fatal(err)
	}
	s.request(t, "PUT", "/kv/k?db=warm.data", "precious").wants(t, 200, "")
	folder := inFolder(s.dir)
	for _, name := range []string{"cold.data", "warm.data"} {
		s.request(t, "PUT", "/kv/"+name+folder, "x").wants(t, 400, "PATH_IS_DIRECTORY")
		s.request(t, "DELETE", "/kv/"+name+folder, "").wants(t, 400, "PATH_IS_DIRECTORY")
		s.request(t, "GET", "/kv/"+name+folder, "").wants(t, 400, "PATH_IS_DIRECTORY")
	}
	s.request(t, "GET", "/kv/warm.data-wal"+folder, "").wants(t, 400, "PATH_IS_DIRECTORY")
	s.request(t, "PUT", "/kv/new.db"+folder, "x").wants(t, 400, "PATH_IS_DIRECTORY")
	s.request(t, "PUT", "/kv/notes.txt"+folder, "x").wants(t, 200, `"directory_mode":true`)
	s.request(t, "GET", "/kv/k?db=warm.data", "").wants(t, 200, "precious")
	s.request(t, "GET", "/kv/nothing?db=cold.data", "").wants(t, 404, "")
}

func TestDirectoryModeServesFilesBehindTheRoutesOfKeys(t *testing.T) {
	s := startServer(t, testOptions{})
	site := filepath.Join(s.dir, "site")
	if err := os.Mkdir(site, 0o700); err != nil {
		t.Fatal(err)
	}
	folder := inFolder(site)
	s.request(t, "PUT", "/kv/a/b.txt"+folder+"&table=kv_store&history=true", "not JSON", "Content-Type: application/json").
		wants(t, 200, `"key":"a/b.txt","size":8`)
	got := s.request(t, "GET", "/kv/a%2Fb.txt"+folder, "")
	got.wants(t, 200, "not JSON")
	for name, want := range map[string]string{
		"X-Directory-Mode": "true", "X-Kv-Nesting-Depth": "1", "Content-Type": "text/plain; charset=utf-8",
		"X-File-Hash": fmt.Sprintf("%x", sha256.Sum256([]byte("not JSON"))),
	} {
		if value := got.header.Get(name); value != want {
			t.Errorf("%s: %q", name, value)
		}
	}
	s.request(t, "GET", "/kv/a/b.txt"+folder, "", "If-None-Match: "+got.header.Get("Etag")).wants(t, 304, "")
	head := s.request(t, "HEAD", "/kv/a/b.txt"+folder, "")
	if head.wants(t, 200, ""); head.header.Get("Content-Length") != "8" || head.header.Get("X-File-Hash") != got.header.Get("X-File-Hash") {
		t.Errorf("%v", head.header)
	}
	s.request(t, "GET", "/kv"+folder+"&count=true", "").wants(t, 200, `"total":1`)
	s.request(t, "GET", "/kv"+folder+"&prefix=b", "").wants(t, 200, `"items":null`)
	for _, with := range []string{"&ttl=5", "&if_match=x", "&path=a", "&path=0"} {
		s.request(t, "PUT", "/kv/a/b.txt"+folder+with, "lost").wants(t, 400, "INVALID_PARAMETERS")
	}
	for _, header := range []string{"If-Match: *", "If-None-Match: *", "Idempotency-Key: k"} {
		s.request(t, "PUT", "/kv/a/b.txt"+folder, "lost", header).wants(t, 400, "INVALID_PARAMETERS")
	}
	s.request(t, "POST", "/kv/a/incr"+folder, "").wants(t, 400, "PATH_IS_DIRECTORY")
	s.request(t, "POST", "/kv/batch/get"+folder, `{"keys":["a"]}`).wants(t, 400, "PATH_IS_DIRECTORY")
	s.request(t, "POST", "/db"+folder, `{"transaction":[{"query":"SELECT 1"}]}`).wants(t, 400, "PATH_IS_DIRECTORY")
	for _, key := range []string{"..%2Fx", "a/../x", ".hidden", "a//b", "a%5Cb"} {
		s.request(t, "PUT", "/kv/"+key+folder, "x").wants(t, 400, "")
	}
	s.request(t, "GET", "/kv/x"+inFolder(filepath.Dir(s.dir)), "").wants(t, 400, "INVALID_DB_PATH")
	s.request(t, "DELETE", "/kv/a/b.txt"+folder, "").wants(t, 200, `{"success":true,"deleted":true}`)
	s.request(t, "GET", "/kv/a/b.txt"+folder, "").wants(t, 404, "KEY_NOT_FOUND")
	s.request(t, "GET", "/health/cache", "").wants(t, 200, `"directory_mode":{"size":`)
}

func TestADirectoryIsNamedByItsWholePath(t *testing.T) {
	s := startServer(t, testOptions{})
	if err := os.Mkdir(filepath.Join(s.dir, "site.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.request(t, "GET", "/kv/x?db=site.d", "").wants(t, 400, "directory-mode: invalid path input: path must be absolute")
}

package server

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var tagged = []string{"a?table=kv_store", "b?table=kv_store", "c/d?table=kv_store", "a?table=notes", "b?table=notes"}

// writeAny does one thing of any kind to a key of db.
func (s *testServer) writeAny(t *rapid.T, tb testing.TB, db string) {
	key := rapid.SampledFrom(tagged).Draw(t, "key")
	path, value := "/kv/"+key+"&db="+db, rapid.StringMatching("[a-z]{8}").Draw(t, "value")
	switch rapid.IntRange(0, 6).Draw(t, "what") {
	case 0:
		s.request(tb, "DELETE", path, "")
	case 1:
		s.request(tb, "PUT", path+"&history=false", value)
	case 2:
		s.request(tb, "POST", "/db?db="+db, fmt.Sprintf(`{"transaction":[{"statement":"UPDATE kv_store SET value = '%s' WHERE key < 'b'"}]}`, value)).wants(tb, 200, "")
	case 3:
		s.request(tb, "POST", strings.Replace(path, "?", "/rollback?", 1), `{"steps":1}`)
	default:
		s.request(tb, "PUT", path, value).wants(tb, 200, "")
	}
}

// noteETags notes the ETags of all keys there are.
func (s *testServer) noteETags(tb testing.TB, db string, shown map[string]map[string]bool) {
	for _, key := range tagged {
		if got := s.request(tb, "GET", "/kv/"+key+"&db="+db, ""); got.status == 200 {
			if shown[key] == nil {
				shown[key] = map[string]bool{}
			}
			shown[key][got.header.Get("Etag")] = true
		}
	}
}

// A database and its copy give the same numbers to different writes. When one takes the
// other's place, no ETag that either has shown holds any more.
func TestNoETagHoldsAfterADatabaseWasReplaced(t *testing.T) {
	s := startServer(t, testOptions{})
	rounds, asked := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		rounds++
		app, two := fmt.Sprint("app", rounds), fmt.Sprint("two", rounds)
		s.request(t, "PUT", "/kv/b?db="+app, "there").wants(t, 200, "")
		s.request(t, "POST", "/db?db="+app, `{"transaction":[{"statement":"UPDATE kv_store SET value = 1 WHERE key < 'b'"}]}`).wants(t, 200, "")
		for range rapid.IntRange(0, 3).Draw(rt, "writes to both") {
			s.writeAny(rt, t, app)
		}
		s.request(t, "POST", "/maintenance?db="+app, fmt.Sprintf(`{"op":"vacuum_into","dest_path":%q}`, two)).wants(t, 200, "")
		shown := map[string]map[string]bool{}
		for _, db := range []string{app, two} {
			for range rapid.IntRange(1, 3).Draw(rt, "writes to one") {
				s.writeAny(rt, t, db)
				s.noteETags(t, db, shown)
			}
		}
		if rapid.Bool().Draw(rt, "uploaded") {
			s.request(t, "PUT", "/db/backup?db="+app, string(s.request(t, "GET", "/db/backup?db="+two, "").body)).wants(t, 200, `"replaced":true`)
		} else {
			s.request(t, "POST", "/maintenance?db="+app, fmt.Sprintf(`{"op":"restore","src_path":%q}`, two)).wants(t, 200, "")
		}
		for key, etags := range shown {
			path := "/kv/" + key + "&db=" + app
			now, there := s.request(t, "GET", path, ""), s.request(t, "GET", "/kv/"+key+"&db="+two, "")
			if now.status != there.status || string(now.body) != string(there.body) {
				rt.Fatalf("%s is %s, and was %s", key, now.body, there.body)
			}
			for etag := range etags {
				asked++
				if got := s.request(t, "GET", path, "", "If-None-Match: "+etag); got.status != now.status {
					rt.Fatalf("%s is %s, and whoever has %s is told %s", key, now.body, etag, got.reason)
				}
				if got := s.request(t, "PUT", path, "over it", "If-Match: "+etag); got.status != 412 {
					rt.Fatalf("%s was %s, and is written over for %s: %s", key, now.body, etag, got.reason)
				}
			}
			if now.status == 200 {
				s.request(t, "GET", path, "", "If-None-Match: "+now.header.Get("Etag")).wants(t, 304, "")
			}
		}
		s.request(t, "DELETE", "/db?db="+app, "").wants(t, 200, "")
		s.request(t, "DELETE", "/db?db="+two, "").wants(t, 200, "")
	})
	if asked < rounds {
		t.Errorf("%d ETags in %d rounds: nothing much was tested", asked, rounds)
	}
}

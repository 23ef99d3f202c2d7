package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"os"
	"testing"
)

func TestProbe(t *testing.T) {
	s := startServer(t, testOptions{})
	u := "http://" + s.address + "/api/v1/sqlite/kv/big?db=x"
	for i := 0; i < 5; i++ {
		req, _ := http.NewRequest("PUT", u, bytes.NewReader(make([]byte, 33<<20)))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println("go:", err)
			continue
		}
		b, err := io.ReadAll(resp.Body)
		fmt.Println("go:", resp.Status, string(b), err)
	}
	for i := 0; i < 3; i++ {
		req, _ := http.NewRequest("PUT", u, io.LimitReader(zeros{}, 33<<20))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println("go chunked:", err)
			continue
		}
		b, err := io.ReadAll(resp.Body)
		fmt.Println("go chunked:", resp.Status, string(b), err)
	}
	os.WriteFile("/tmp/big.bin", make([]byte, 33<<20), 0o600)
	for _, extra := range [][]string{{}, {"-H", "Expect:"}, {"-H", "Transfer-Encoding: chunked"}} {
		out, err := exec.Command("curl", append([]string{"-sS", "-i", "-T", "/tmp/big.bin", u}, extra...)...).CombinedOutput()
		fmt.Printf("curl %v: %s %v\n", extra, out, err)
	}
	out, err := exec.Command("python3", "-c", `
import urllib.request,sys
for i in range(3):
    r=urllib.request.Request(sys.argv[1],data=b'x'*(33<<20),method='PUT')
    try: print(urllib.request.urlopen(r).status)
    except Exception as e: print(repr(e))
`, u).CombinedOutput()
	fmt.Printf("python: %s %v\n", out, err)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

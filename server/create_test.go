package server

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The size that is told is the file's, which holds the answer that tells it if the
// request has an Idempotency-Key.
func TestANewDatabaseIsAsLargeAsItsAnswerSays(t *testing.T) {
	s := startServer(t, testOptions{})
	for i, headers := range [][]string{nil, {"Idempotency-Key: once"}} {
		for _, query := range []string{"", "&init_kv=true"} {
			name := fmt.Sprintf("new%d%d", i, len(query))
			a := s.request(t, "POST", "/db/create?path="+name+query, "", headers...)
			info, err := os.Stat(filepath.Join(s.dir, name+".db"))
			if err != nil {
				t.Fatal(err)
			}
			a.wants(t, 201, fmt.Sprintf(`"size":%d,`, info.Size()))
		}
	}
}

package server

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/urlite/urlite/catalog"
)

var update = flag.Bool("update", false, "rewrite the transcripts with the answers of today")

// A transcript is a conversation with a server of its own, kept in testdata.
//
//	# a remark
//	$ clock +10s               something done to the server's world, see act
//	> PUT /kv/a?db=app         a request; its path is below the API's prefix,
//	> Content-Type: text/plain   or, after ^, the server's root
//	>
//	> the body
//	< 200 OK                   the answer, which the test compares and -update writes
//	< …
//
// A line >= "text" appends a quoted text to the body, with escapes and without a
// line end. In requests, <<…>> is spelled out: <<k*1024>>, <<base64:SELECT 1>>
// and its kin (see spell), <<dir>>. In answers, <<dir>> is the databases folder,
// <<file>> a database file's id, <<id>> a request id that the server made, and
// <<…>> whatever differs from run to run. ETags and times are as they are: a file
// counts its writes from 1, and the clock stands still unless it is moved.
//
// The ETags of rows differ from run to run as well: <<etag>> is the latest, in a request
// and in its answer; an answer shows it if the request has an If-None-Match.
//
// Left out of answers are Content-Length, Date, Server, and X-Request-Id where the
// request sent none; that they are there is checked for each answer.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(want))
			if got == string(want) {
				return
			}
			if !*update {
				t.Fatalf("%s is not what the server answers today (-update rewrites it):\n%s", file, difference(string(want), got))
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// replayer is a transcript being held.
type replayer struct {
	t      *testing.T
	server *testServer
	conn   *connection
	etag   string // the latest that rows had
	out    strings.Builder
}

// replay asks everything that the transcript asks and writes it down anew.
func replay(t *testing.T, transcript string) string {
	lines := strings.Split(strings.TrimSuffix(transcript, "\n"), "\n")
	options := testOptions{}
	if rest, ok := strings.CutPrefix(lines[0], "$ serve"); ok {
		options = serveOptions(t, strings.Fields(rest))
	}
	r := &replayer{t: t, server: startServer(t, options)}
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.HasPrefix(line, "<"): // yesterday's answer
			continue
		case strings.HasPrefix(line, "$") && !strings.HasPrefix(line, "$ serve"):
			r.act(strings.Fields(line)[1:])
		case strings.HasPrefix(line, ">"):
			first := i
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], ">") {
				i++
			}
			r.out.WriteString(strings.Join(lines[first:i+1], "\n") + "\n")
			r.ask(lines[first : i+1])
			continue
		case line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "$"):
			t.Fatalf("line %d is nothing that a transcript may have: %q", i+1, line)
		}
		r.out.WriteString(line + "\n")
	}
	return r.out.String()
}

// serveOptions reads the line that a transcript may begin with:
// $ serve create_missing=false body_bytes_max=1000 …
func serveOptions(t *testing.T, settings []string) (options testOptions) {
	var changes []func(*Config)
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		n, _ := strconv.Atoi(value)
		switch name {
		case "create_missing":
			options.mayCreateNever = value == "false"
		case "engine":
			if value == "linked" && catalog.EngineBundled {
				t.Skip("needs a current SQLite")
			}
		case "any_absolute":
			options.anyAbsolute = value == "true"
		case "query_history":
			options.catalog = func(c *catalog.Config) { c.QueryHistory = value == "true" }
		case "body_bytes_max":
			changes = append(changes, func(c *Config) { c.BodyBytesMax = n })
		case "value_bytes_max":
			changes = append(changes, func(c *Config) { c.Limits.ValueBytesMax = n })
		case "rows_max":
			changes = append(changes, func(c *Config) { c.SQL.RowsMax = n })
		case "response_bytes_max":
			changes = append(changes, func(c *Config) { c.SQL.BytesMax = n })
		case "items_max":
			changes = append(changes, func(c *Config) { c.SQL.ItemsMax = n })
		default:
			t.Fatalf("unknown setting %q", setting)
		}
	}
	options.config = func(c *Config) {
		for _, change := range changes {
			change(c)
		}
	}
	return options
}

// act does something to the server's world.
func (r *replayer) act(words []string) {
	r.t.Helper()
	path := func(name string) string { return filepath.Join(r.server.dir, name) }
	var err error
	switch words[0] {
	case "clock": // clock +1h30m
		step, fault := time.ParseDuration(strings.TrimPrefix(words[1], "+"))
		r.server.clock.Add(step.Milliseconds())
		err = fault
	case "file": // file name.db "content"
		content, fault := strconv.Unquote(strings.Join(words[2:], " "))
		if err = fault; err == nil {
			err = os.WriteFile(path(words[1]), []byte(content), 0o600)
		}
	case "folder": // folder name
		err = os.Mkdir(path(words[1]), 0o700)
	case "link": // link name target
		err = os.Symlink(words[2], path(words[1]))
	case "remove": // remove name
		err = os.Remove(path(words[1]))
	default:
		r.t.Fatalf("unknown action %q", words[0])
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// ask sends a request and writes its answer down.
func (r *replayer) ask(lines []string) {
	r.t.Helper()
	method, raw, ownID := r.spellRequest(lines)
	if r.conn == nil {
		r.conn = r.server.connect(r.t)
	}
	r.conn.SetDeadline(time.Now().Add(answerWait))
	a := r.conn.exchange(r.t, method, raw)
	if a.closes {
		r.conn.Close()
		r.conn = nil
	}
	if !ownID {
		if id := a.header.Get("X-Request-Id"); !strings.HasPrefix(id, r.server.api.idPrefix) {
			r.t.Errorf("%s: request id %q, and the client sent none", lines[0], id)
		}
		a.header.Del("X-Request-Id")
	}
	if etag := a.header.Get("Etag"); rowsTag.MatchString(etag) {
		r.etag = etag
		if a.header.Set("Etag", "<<etag>>"); !strings.Contains(raw, "\r\nIf-None-Match:") {
			a.header.Del("Etag")
		}
	}
	r.write(a)
}

// spellRequest makes of a request's lines the bytes to send.
func (r *replayer) spellRequest(lines []string) (method, raw string, ownID bool) {
	r.t.Helper()
	var head, body strings.Builder
	inBody, bodyLines := false, 0
	for i, line := range lines {
		if quoted, ok := strings.CutPrefix(line, ">= "); ok {
			text, err := strconv.Unquote(quoted)
			if err != nil {
				r.t.Fatalf("%s: %v", line, err)
			}
			body.WriteString(r.spell(text))
			continue
		}
		line = r.spell(strings.TrimPrefix(strings.TrimPrefix(line, ">"), " "))
		switch {
		case i == 0:
			var target string
			method, target, _ = strings.Cut(line, " ")
			if rooted, ok := strings.CutPrefix(target, "^"); ok {
				target = rooted
			} else {
				target = prefix + target
			}
			fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: test\r\n", method, target)
		case inBody:
			if bodyLines++; bodyLines > 1 {
				body.WriteByte('\n')
			}
			body.WriteString(line)
		case line == "":
			inBody = true
		default:
			head.WriteString(line + "\r\n")
			ownID = ownID || strings.HasPrefix(line, "X-Request-Id:")
		}
	}
	if body.Len() > 0 || method == "PUT" {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", body.Len())
	}
	return method, head.String() + "\r\n" + body.String(), ownID
}

// rowsTag is an ETag that is a hash.
var rowsTag = regexp.MustCompile(`^"[A-Za-z0-9_-]{22}"$`)

var spelled = regexp.MustCompile(`<<(.+?)>>`)

// spell replaces what <<…>> stands for.
func (r *replayer) spell(line string) string {
	return spelled.ReplaceAllStringFunc(line, func(mark string) string {
		mark = mark[2 : len(mark)-2]
		switch mark {
		case "dir":
			return r.server.dir
		case "etag":
			return r.etag
		}
		if what, times, ok := strings.Cut(mark, "*"); ok {
			if n, err := strconv.Atoi(times); err == nil {
				return strings.Repeat(what, n)
			}
		}
		how, text, _ := strings.Cut(mark, ":")
		switch how {
		case "base64":
			return base64.StdEncoding.EncodeToString([]byte(text))
		case "base64raw":
			return base64.RawStdEncoding.EncodeToString([]byte(text))
		case "base64url":
			return base64.URLEncoding.EncodeToString([]byte(text))
		case "escape":
			return url.QueryEscape(text)
		}
		r.t.Fatalf("<<%s>> stands for nothing", mark)
		return ""
	})
}

// write writes an answer as lines.
func (r *replayer) write(a *answer) {
	lines := []string{a.reason}
	if a.closes {
		a.header.Set("Connection", "close")
	}
	for name, values := range a.header {
		if name == "Content-Length" || name == "Date" || name == "Server" {
			continue
		}
		for _, value := range values {
			lines = append(lines, name+": "+value)
		}
	}
	slices.Sort(lines[1:])
	if len(a.body) > 0 {
		lines = append(lines, "")
		if plain(a.body) {
			lines = append(lines, strings.Split(string(a.body), "\n")...)
		} else {
			lines = append(lines, strconv.Quote(string(a.body)))
		}
	}
	for _, line := range lines {
		r.out.WriteString(strings.TrimRight("< "+r.mask(line), " ") + "\n")
	}
}

// plain tells whether a body can stand in a transcript as it is.
func plain(body []byte) bool {
	return utf8.Valid(body) && !bytes.ContainsFunc(body, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) })
}

// masks hide what differs from run to run.
var masks = []struct{ what, with string }{
	{`("change_cursor":")[^".]+\.`, `${1}<<file>>.`},
	{`("(?:pid|rss|heap|fds)":)[0-9]+`, `${1}"<<…>>"`},
	{`(X-Request-Id: )[0-9a-f]{8}-[0-9a-z]+$`, `${1}<<id>>`},
	{`("(?:execution_time_ms|avg_exec_time_ms)":)[0-9.]+`, `${1}"<<…>>"`},
	{`("size":)[0-9]+(,"message":"Database created")`, `${1}"<<…>>"${2}`}, // as large as our schema
}

// mask makes a line of an answer the same on every day.
func (r *replayer) mask(line string) string {
	line = strings.ReplaceAll(line, r.server.dir, "<<dir>>")
	for _, m := range masks {
		line = regexp.MustCompile(m.what).ReplaceAllString(line, m.with)
	}
	return shorten(line)
}

// shorten writes a letter that is repeated a hundred times or more as <<k*100>>.
func shorten(line string) string {
	var out strings.Builder
	for len(line) > 0 {
		_, size := utf8.DecodeRuneInString(line)
		letter, n := line[:size], 1
		for strings.HasPrefix(line[n*size:], letter) {
			n++
		}
		if n >= 100 {
			fmt.Fprintf(&out, "<<%s*%d>>", letter, n)
		} else {
			out.WriteString(line[:n*size])
		}
		line = line[n*size:]
	}
	return out.String()
}

// difference shows the first lines in which two transcripts differ, and what
// comes before.
func difference(want, got string) string {
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < len(wants) && i < len(gots) && wants[i] == gots[i] {
		i++
	}
	from := func(lines []string) string {
		return strings.Join(lines[min(i, len(lines)):min(i+6, len(lines))], "\n")
	}
	before := strings.Join(wants[max(i-6, 0):i], "\n")
	return fmt.Sprintf("%s\n--- line %d, kept:\n%s\n--- today:\n%s", before, i+1, from(wants), from(gots))
}

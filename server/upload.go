package server

import (
	"compress/gzip"
	"errors"
	"io"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/refusal"
)

var (
	errEncoding  = refusal.New(refusal.InvalidParameters, "the body's Content-Encoding must be gzip, or none")
	errNotPacked = refusal.New(refusal.InvalidParameters, "the body is not what gzip has made")
)

// putBackup puts the database in the body in the place of the request's database.
func putBackup(q *request) error {
	if err := q.takesNothing(); err != nil {
		return err
	}
	name, err := q.databaseName()
	if err != nil {
		return err
	}
	create, err := q.create()
	if err != nil {
		return err
	}
	packed, err := q.bodyPacked()
	if err != nil {
		return err
	}
	max := q.server.config.UploadBytesMax
	done, err := q.server.catalog.Replace(name, create, q.timeout(), func(to io.Writer) error {
		return receive(to, q.bodyReader(max), packed, max)
	})
	if err != nil {
		return err
	}
	if !done.Replaced {
		q.ctx.SetStatusCode(fasthttp.StatusCreated)
	}
	q.begin()
	q.text("path", name)
	q.number("size", done.Bytes)
	q.boolean("replaced", done.Replaced)
	q.end()
	return nil
}

// bodyPacked tells whether the body is what gzip has made.
func (q *request) bodyPacked() (bool, error) {
	switch strings.ToLower(string(q.ctx.Request.Header.ContentEncoding())) {
	case "", "identity":
		return false, nil
	case "gzip", "x-gzip":
		return true, nil
	}
	return false, errEncoding
}

// receive copies a body, at most bytesMax of what it is unpacked.
func receive(to io.Writer, body io.Reader, packed bool, bytesMax int64) error {
	from := &bodySource{from: body}
	var unpacked io.Reader = from
	if packed {
		unpacker, err := gzip.NewReader(from)
		if err != nil {
			return from.why(errNotPacked)
		}
		unpacked = unpacker
	}
	n, err := io.Copy(to, io.LimitReader(unpacked, bytesMax+1))
	var known *refusal.Refusal
	switch {
	case errors.As(err, &known):
		return known
	case err != nil && packed:
		return from.why(errNotPacked)
	case err != nil:
		return from.why(err)
	case n > bytesMax:
		return refusal.Newf(refusal.PayloadTooLarge, "the database exceeds the limit of %d bytes", bytesMax)
	}
	return nil
}

// bodySource remembers why a body could not be read.
type bodySource struct {
	from io.Reader
	err  error
}

func (s *bodySource) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// why is what a reader of the body failed for: the body itself, or else what it holds.
func (s *bodySource) why(other error) error {
	if s.err != nil {
		return s.err
	}
	return other
}

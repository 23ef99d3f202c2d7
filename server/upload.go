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

// receive copies a body, at most bytesMax of what it is unpacked. What a bodyReader fails
// with is a refusal, and so is what the place fails with: all else is gzip's.
func receive(to io.Writer, body io.Reader, packed bool, bytesMax int64) (err error) {
	from := body
	if packed {
		if from, err = gzip.NewReader(body); err != nil {
			return notPacked(err)
		}
	}
	n, err := io.Copy(to, io.LimitReader(from, bytesMax+1))
	switch {
	case err != nil && packed:
		return notPacked(err)
	case err != nil:
		return err
	case n > bytesMax:
		return refusal.Newf(refusal.PayloadTooLarge, "the database exceeds the limit of %d bytes", bytesMax)
	}
	return nil
}

// notPacked is the refusal that made gzip fail, or what it found.
func notPacked(err error) error {
	var known *refusal.Refusal
	if errors.As(err, &known) {
		return known
	}
	return errNotPacked
}

package server

import (
	"bytes"
	"io"
)

// body is all of the request's body. It is good until the handler returns.
func (q *request) body() ([]byte, error) { return q.ctx.Request.Body(), nil }

// bodyReader reads the request's body as it arrives.
func (q *request) bodyReader() io.Reader { return bytes.NewReader(q.ctx.Request.Body()) }

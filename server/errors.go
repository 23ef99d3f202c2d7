package server

import (
	"errors"
	"log/slog"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// statuses is the one place where a refusal becomes a status. A test proves it
// total.
var statuses = [refusal.KindEnd]int{
	refusal.InvalidParameters:          fasthttp.StatusBadRequest,
	refusal.InvalidDatabasePath:        fasthttp.StatusBadRequest,
	refusal.DatabaseNotFound:           fasthttp.StatusBadRequest,
	refusal.InvalidSQLiteHeader:        fasthttp.StatusBadRequest,
	refusal.PathIsDirectory:            fasthttp.StatusBadRequest,
	refusal.InvalidJSONValue:           fasthttp.StatusBadRequest,
	refusal.SQLError:                   fasthttp.StatusBadRequest,
	refusal.SQLBindError:               fasthttp.StatusBadRequest,
	refusal.UnknownField:               fasthttp.StatusBadRequest,
	refusal.ValuesConflict:             fasthttp.StatusBadRequest,
	refusal.Unauthorized:               fasthttp.StatusUnauthorized,
	refusal.Forbidden:                  fasthttp.StatusForbidden,
	refusal.NotFound:                   fasthttp.StatusNotFound,
	refusal.KeyNotFound:                fasthttp.StatusNotFound,
	refusal.KeyExpired:                 fasthttp.StatusNotFound,
	refusal.HistoryEntryNotFound:       fasthttp.StatusNotFound,
	refusal.DatabaseMissing:            fasthttp.StatusNotFound,
	refusal.MethodNotAllowed:           fasthttp.StatusMethodNotAllowed,
	refusal.Conflict:                   fasthttp.StatusConflict,
	refusal.DatabaseExists:             fasthttp.StatusConflict,
	refusal.SQLConstraint:              fasthttp.StatusConflict,
	refusal.DatabaseReadOnly:           fasthttp.StatusConflict,
	refusal.TimeTravelChainGap:         fasthttp.StatusConflict,
	refusal.ChangeCursorExpired:        fasthttp.StatusGone,
	refusal.ChangeCursorInvalid:        fasthttp.StatusGone,
	refusal.PreconditionFailed:         fasthttp.StatusPreconditionFailed,
	refusal.PayloadTooLarge:            fasthttp.StatusRequestEntityTooLarge,
	refusal.ResponseTooLarge:           fasthttp.StatusRequestEntityTooLarge,
	refusal.IdempotentResponseTooLarge: fasthttp.StatusRequestEntityTooLarge,
	refusal.IdempotencyKeyMismatch:     fasthttp.StatusUnprocessableEntity,
	refusal.RateLimited:                fasthttp.StatusTooManyRequests,
	refusal.Internal:                   fasthttp.StatusInternalServerError,
	refusal.DatabaseError:              fasthttp.StatusInternalServerError,
	refusal.FileSystemError:            fasthttp.StatusInternalServerError,
	refusal.DeleteIncomplete:           fasthttp.StatusInternalServerError,
	refusal.Unavailable:                fasthttp.StatusServiceUnavailable,
	refusal.RequestTimeout:             fasthttp.StatusServiceUnavailable,
	refusal.DatabaseBusy:               fasthttp.StatusServiceUnavailable,
}

func statusOf(kind refusal.Kind) int {
	if kind >= refusal.KindEnd || statuses[kind] == 0 {
		return fasthttp.StatusInternalServerError
	}
	return statuses[kind]
}

// fail answers a request with its refusal.
func (q *request) fail(err error) {
	r := refusal.Of(err)
	status := statusOf(r.Kind)
	if status >= fasthttp.StatusInternalServerError {
		q.logFault(r, status)
	}
	resetAnswer(q.ctx)
	q.ctx.SetStatusCode(status)
	q.out = append(q.out[:0], `{"error":`...)
	q.note.why = r.Public()
	q.out = jsontext.AppendString(q.out, q.note.why)
	q.out = append(q.out, `,"code":"`...)
	q.out = append(q.out, r.Kind.Code()...)
	q.out = append(q.out, '"')
	var item *sqltx.ItemError
	if errors.As(err, &item) {
		q.out = append(q.out, `,"reqIdx":`...)
		q.out = appendInt(q.out, int64(item.Index))
	}
	q.out = append(q.out, r.Facts...)
	q.out = append(q.out, '}')
	q.json()
	switch {
	case status == fasthttp.StatusServiceUnavailable:
		q.ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, "1")
	case status == fasthttp.StatusMethodNotAllowed && q.allow != "":
		q.ctx.Response.Header.Set(fasthttp.HeaderAllow, q.allow)
	}
	if q.ctx.IsHead() {
		q.ctx.Response.SkipBody = true // fasthttp does it for what it could read
		q.ctx.Response.Header.Set("X-Hoody-Error-Code", r.Kind.Code())
	}
}

func (q *request) logFault(r *refusal.Refusal, status int) {
	level := slog.LevelWarn
	if status == fasthttp.StatusInternalServerError {
		level = slog.LevelError
	}
	q.server.log.Log(q.ctx, level, "request failed", "request_id", string(q.id()), "method", string(q.ctx.Method()),
		"path", string(q.ctx.Path()), "status", status, "code", r.Kind.Code(), "error", r.Error())
}

// resetAnswer drops what a handler had begun to answer; the request id stays.
func resetAnswer(ctx *fasthttp.RequestCtx) {
	id := append([]byte(nil), ctx.Response.Header.Peek(requestIDHeader)...)
	closing := ctx.Response.ConnectionClose()
	ctx.Response.Reset()
	ctx.Response.Header.SetBytesV(requestIDHeader, id)
	if closing {
		ctx.SetConnectionClose()
	}
}

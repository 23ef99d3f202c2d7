// Package refusal holds the one error type that crosses the rooms: what was
// refused and why, as a kind that the HTTP edge maps to a status and a code.
//
// It is the lowest room of the house: everyone may import it, it imports
// nothing of ours. Nobody below the server knows what an HTTP status is.
package refusal

import (
	"errors"
	"fmt"
)

// Kind is why something was refused. Each kind has exactly one status and one
// code on the wire; the table is in the server, and a test proves it total.
type Kind uint8

// The kinds, in the order of the error table of the API (docs/api.md).
const (
	InvalidParameters Kind = iota + 1
	InvalidDatabasePath
	DatabaseNotFound // a read, or a write that may not create
	InvalidSQLiteHeader
	PathIsDirectory
	InvalidJSONValue
	SQLError
	SQLBindError
	UnknownField
	ValuesConflict
	Unauthorized
	Forbidden
	NotFound
	KeyNotFound
	KeyExpired
	HistoryEntryNotFound
	DatabaseMissing // maintenance, delete and backup of a file that is not there
	MethodNotAllowed
	Conflict
	DatabaseExists
	SQLConstraint
	DatabaseReadOnly
	TimeTravelChainGap
	ChangeCursorExpired
	ChangeCursorInvalid
	PreconditionFailed
	PayloadTooLarge
	ResponseTooLarge
	IdempotentResponseTooLarge
	IdempotencyKeyMismatch
	RateLimited
	Internal
	DatabaseError
	FileSystemError
	DeleteIncomplete
	Unavailable
	RequestTimeout
	DatabaseBusy

	// KindEnd is one past the last kind; tests walk up to it.
	KindEnd
)

// Refusal is a request that was not done, in words for the one who asked.
//
// Refusals of hot paths are predeclared values and are compared by identity or
// by Kind, never by text.
type Refusal struct {
	Kind Kind
	// Text is in words for the client, who is told it but for faults of ours: see Public.
	Text string
	// Facts are further fields of the answer, such as a current ETag: JSON members, each
	// with a comma before it.
	Facts string
	// Cause is for the log only: it never reaches a client.
	Cause error
}

// With answers r with facts.
func (r *Refusal) With(facts string) *Refusal {
	with := *r
	with.Facts = facts
	return &with
}

// Error returns the text and, after a colon, the cause.
func (r *Refusal) Error() string {
	if r.Cause == nil {
		return r.Text
	}
	return r.Text + ": " + r.Cause.Error()
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// Public is what a client may read: of a fault of ours never more than that it happened.
func (r *Refusal) Public() string {
	switch {
	case r.Kind == DatabaseError:
		return "internal database error"
	case r.Kind == Internal, r.Kind == FileSystemError, r.Kind == DeleteIncomplete, r.Kind == 0, r.Kind >= KindEnd:
		return "internal error"
	}
	return r.Text
}

// New returns a refusal with a fixed text.
func New(kind Kind, text string) *Refusal { return &Refusal{Kind: kind, Text: text} }

// Newf returns a refusal with a formatted text.
func Newf(kind Kind, format string, args ...any) *Refusal {
	return &Refusal{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// Wrap returns a refusal whose cause goes to the log.
func Wrap(kind Kind, text string, cause error) *Refusal {
	return &Refusal{Kind: kind, Text: text, Cause: cause}
}

// Of finds the refusal in err's chain. An error that is none is a fault of
// ours: it becomes Internal, with err as its cause. Of(nil) is nil.
func Of(err error) *Refusal {
	if err == nil {
		return nil
	}
	if r, ok := err.(*Refusal); ok {
		return r // as most are; errors.As would allocate
	}
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return Wrap(Internal, "internal error", err)
}

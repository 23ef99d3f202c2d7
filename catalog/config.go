package catalog

import (
	"time"

	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/store"
	"github.com/urlite/urlite/writer"
)

// Config is how databases are kept.
type Config struct {
	Rules Rules
	// Store is how each file is run.
	Store store.Options
	// Writer bounds each database's writer.
	Writer writer.Limits
	// Keep is how much of the past is kept of tables that don't say.
	Keep past.Keep
	// QueryHistory has the requests to each database noted in it.
	QueryHistory bool
	// Readers is how many read-only connections a database may have.
	Readers int
	// OpenMax bounds the databases open at once; each costs its connections'
	// caches and some ten file descriptors.
	OpenMax int
	// IdleAfter is how long a database stays open unused, 0 for ever.
	IdleAfter time.Duration
	// Now answers the time in Unix ms.
	Now func() int64
}

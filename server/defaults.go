package server

import (
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/sqltx"
)

// What an operator decides about requests.
type (
	// Limits are the key-value limits.
	Limits = kv.Limits
	// SQLLimits are those of SQL requests.
	SQLLimits = sqltx.Limits
)

// DefaultLimits are the limits of a server that nobody configured.
func DefaultLimits() Limits { return kv.DefaultLimits() }

// DefaultSQLLimits are its limits of SQL requests.
func DefaultSQLLimits() SQLLimits { return sqltx.DefaultLimits() }

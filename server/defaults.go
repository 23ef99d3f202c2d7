package server

import (
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/sqltx"
)

// DefaultLimits are the key-value limits of a server that nobody configured.
func DefaultLimits() kv.Limits { return kv.DefaultLimits() }

// DefaultSQLLimits are its limits of SQL requests.
func DefaultSQLLimits() sqltx.Limits { return sqltx.DefaultLimits() }

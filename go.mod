module github.com/urlite/urlite

go 1.26

require (
	crawshaw.io/sqlite v0.3.2
	github.com/VictoriaMetrics/metrics v1.35.1
	github.com/fasthttp/router v1.5.4
	github.com/goccy/go-json v0.12.0
	github.com/mattn/go-sqlite3 v1.14.53
	github.com/valyala/fasthttp v1.74.0
	pgregory.net/rapid v1.3.0
)

package server

import (
	"context"
	"time"

	"github.com/valyala/fasthttp"
)

// shutdown closes the listeners and idle connections, and waits a little for the
// rest.
func shutdown(http *fasthttp.Server, wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	http.ShutdownWithContext(ctx)
}

//go:build race

package writer

import "github.com/urlite/urlite/kv"

// poison makes use after Release show: whoever still reads the call reads this.
func poison(c *Call) {
	for i := range c.Ops {
		c.Ops[i] = kv.Op{Key: "released call", Delta: -0x0badbadbad}
	}
	for i := range c.Replies {
		element := c.Replies[i].Element // may lie in memory that owned has outgrown
		for n := range element {
			element[n] = 0xdb
		}
		c.Replies[i] = kv.Reply{Value: -0x0badbadbad, Version: -0x0badbadbad}
	}
	for i := range c.owned {
		c.owned[i] = 0xdb
	}
	for i := range c.Answer.Body {
		c.Answer.Body[i] = 0xdb
	}
	results := c.Results.Bytes()
	for i := range results {
		results[i] = 0xdb
	}
}

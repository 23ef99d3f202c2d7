package reader

import (
	"fmt"

	"github.com/VictoriaMetrics/metrics"
)

// Watch registers a database's numbers about its readers in set.
func (p *Pool) Watch(set *metrics.Set, db string) {
	set.NewGauge(fmt.Sprintf("urlite_reader_open{db=%q}", db), func() float64 { return float64(p.Open()) })
	set.NewGauge(fmt.Sprintf("urlite_reader_lent{db=%q}", db), func() float64 { return float64(p.Lent()) })
}

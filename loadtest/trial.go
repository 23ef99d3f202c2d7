package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
)

// trial is one scenario under way: on a server process, a process to compare it with and
// a folder of its own, so that it inherits no other's data, caches or memory.
type trial struct {
	settings       settings
	scenario       scenario
	connections    int
	folder         string
	server         *process
	profileAddress string // where the server offers its profile; empty: none is wanted
	counted        uint64 // requests that count and were acknowledged so far, the warm-up's included
	countedByBase  uint64 // the same of a baseline that is a server of its own
	rollbackTo     int64  // the second that a table is rolled back to
}

// runTrial takes a scenario from an empty folder to its line in the table. What
// the server did wrong is in the row; an error means that it could not be run.
func runTrial(ctx context.Context, settings settings, scenario scenario, connections int) (r *row, err error) {
	t := &trial{settings: settings, scenario: scenario, connections: connections}
	if t.folder, err = os.MkdirTemp(settings.folder, "urlite-load-"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(t.folder)) }()
	if err := t.start(); err != nil {
		return nil, err
	}
	defer func() { t.server.kill() }()

	r = &row{scenario: scenario.name, connections: connections, measured: &measurement{}}
	m, err := t.run(ctx)
	if err != nil {
		// A server that can't do what a scenario is about fails in that one alone.
		r.wrong = append(r.wrong, err.Error())
		return r, ctx.Err()
	}
	m.baseName = t.scenario.against.name
	r.measured, r.verdict = m, scenario.judge(m)
	r.wrong = append(r.wrong, m.failures()...)
	r.wrong = append(r.wrong, t.audit(t.server.address, t.counted)...)
	if err := t.server.stop(); err != nil {
		r.wrong = append(r.wrong, err.Error())
	}
	return r, ctx.Err()
}

// run prepares the scenario and measures it.
func (t *trial) run(ctx context.Context) (*measurement, error) {
	if err := t.countersAt(t.server.address).preload(); err != nil {
		return nil, err
	}
	if t.scenario.prepare != nil {
		if err := t.scenario.prepare(ctx, t); err != nil {
			return nil, err
		}
	}
	return t.scenario.measure(t, ctx)
}

// countersAt are the scenario's counters on a server.
func (t *trial) countersAt(address string) *counters {
	keys := 0
	if t.scenario.preload {
		keys = t.settings.keys
	}
	c := countersOf(address, keys)
	if t.scenario.unrecorded {
		c.unrecorded = numbered(unrecordedPrefix, keys)
	}
	return c
}

// audit compares what a server holds with what it has acknowledged.
func (t *trial) audit(address string, counted uint64) []string {
	if t.scenario.audit != nil {
		return t.scenario.audit(t, address, counted)
	}
	return mismatch(t.countersAt(address), counted)
}

func (t *trial) start() (err error) {
	arguments := slices.Concat(t.settings.serverArguments, t.scenario.arguments)
	if t.settings.profile != "" && t.scenario.name == profiledScenario {
		if t.profileAddress, err = freeAddress(); err != nil {
			return err
		}
		arguments = append([]string{"--pprof", t.profileAddress}, arguments...)
	}
	t.server, err = startServer(t.settings.server, t.folder, arguments...)
	return err
}

// compare measures the server and its baseline in turns, so that whatever else the
// machine does hits both.
func (t *trial) compare(ctx context.Context) (*measurement, error) {
	opponent, traffic, err := t.opponent()
	if err != nil {
		return nil, err
	}
	if opponent != t.server {
		defer opponent.kill()
	}
	base, err := t.load(opponent.address, traffic)
	if err != nil {
		return nil, err
	}
	defer base.close()
	base.inTurn(t.scenario.against.asOne)
	loaded, err := t.load(t.server.address, t.scenario.traffic)
	if err != nil {
		return nil, err
	}
	defer loaded.close()

	m := &measurement{}
	t.credit(t.warmUp(ctx, base, &m.base), t.warmUp(ctx, loaded, &m.server))

	var profile *profiling
	if t.profileAddress != "" {
		// It runs through the no-op's turns as well: an idle server adds no samples.
		profile = startProfiling(ctx, t.profileAddress, t.settings.profile, 2*t.settings.duration)
	}
	for range cmp.Or(t.scenario.rounds, rounds) {
		if err := t.round(ctx, m, base, loaded); err != nil {
			return nil, err
		}
	}
	if t.scenario.against.start != nil {
		for _, wrong := range t.audit(opponent.address, t.countedByBase) {
			m.wrong = append(m.wrong, "of the baseline, "+wrong)
		}
	}
	m.diskSync = median(m.diskSyncs)
	if err := t.show(ctx, m); err != nil {
		return nil, err
	}
	if profile != nil {
		return m, profile.wait()
	}
	return m, nil
}

// opponent is the server that the baseline's traffic goes to, and that traffic.
func (t *trial) opponent() (*process, []shape, error) {
	switch against := t.scenario.against; {
	case against.start != nil:
		p, err := against.start(t)
		return p, t.scenario.traffic, err
	case len(against.traffic) > 0:
		return t.server, against.traffic, nil
	}
	p, err := startNoop()
	return p, uncounted(t.scenario.traffic), err
}

// show measures what the scenario wants shown beside its own.
func (t *trial) show(ctx context.Context, m *measurement) error {
	for _, s := range t.scenario.shown {
		load, err := t.load(t.server.address, s.traffic)
		if err != nil {
			return err
		}
		m.asides = append(m.asides, asideTally{name: s.name, tally: load.slice(ctx, t.settings.duration/rounds)})
		load.close()
	}
	return nil
}

// warmUp loads a server for a while and answers what was counted meanwhile. Only what
// went wrong is kept of it.
func (t *trial) warmUp(ctx context.Context, load *generator, into *tally) (counted uint64) {
	warm := load.slice(ctx, min(warmUpMax, t.settings.duration/4))
	into.failures, into.failure = warm.failures, warm.failure
	return warm.counted
}

// round gives each side its turn and, where the scenario asks, the bare disk.
func (t *trial) round(ctx context.Context, m *measurement, base, loaded *generator) error {
	if t.scenario.disk {
		took, err := diskSyncs(t.folder, syncsPerTurn)
		if err != nil {
			return err
		}
		m.diskSyncs = append(m.diskSyncs, took...)
	}
	turn := t.settings.duration / rounds
	t.count(m, round{base: base.slice(ctx, turn), server: loaded.slice(ctx, turn)})
	return nil
}

func (t *trial) count(m *measurement, r round) {
	m.add(r)
	t.credit(r.base.counted, r.server.counted)
}

// credit notes what each side has acknowledged with the server that did.
func (t *trial) credit(base, server uint64) {
	t.counted += server
	if t.scenario.against.start != nil {
		t.countedByBase += base
	} else {
		t.counted += base
	}
}

// soak loads the server alone for long and looks at its memory while the load's
// connections are still open.
func (t *trial) soak(ctx context.Context) (*measurement, error) {
	load, err := t.load(t.server.address, t.scenario.traffic)
	if err != nil {
		return nil, err
	}
	defer load.close()
	m := &measurement{}
	m.server.merge(load.slice(ctx, t.settings.memoryDuration))
	t.counted += m.server.counted
	m.memory, err = memoryOf(t.server.pid())
	return m, err
}

func (t *trial) load(address string, traffic []shape) (*generator, error) {
	g, err := newGenerator(address, t.connections, traffic, t.settings.seed)
	if err == nil {
		g.requestsMax = t.scenario.requestsMax
	}
	return g, err
}

func (m *measurement) failures() (wrong []string) {
	if m.server.failures > 0 {
		wrong = append(wrong, fmt.Sprintf("%d requests failed; first %s", m.server.failures, m.server.failure))
	}
	if m.base.failures > 0 {
		wrong = append(wrong, fmt.Sprintf("%d requests of the baseline failed; first %s", m.base.failures, m.base.failure))
	}
	for _, a := range m.asides {
		if a.failures > 0 {
			wrong = append(wrong, fmt.Sprintf("%d requests of %s failed; first %s", a.failures, a.name, a.failure))
		}
	}
	return append(wrong, m.wrong...)
}

// mismatch compares the counters in the server with what it acknowledged.
func mismatch(c *counters, counted uint64) []string {
	sum, err := c.sum()
	switch {
	case err != nil:
		return []string{"the counters can't be read back: " + err.Error()}
	case sum != counted:
		return []string{fmt.Sprintf("the counters add up to %d, but %d increments were acknowledged", sum, counted)}
	}
	return nil
}

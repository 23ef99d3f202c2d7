package ratelimit

import "testing"

func TestFixedCountsAnewAtEveryBorder(t *testing.T) {
	f := table(t, Rule{Algorithm: Fixed, Limit: 3, WindowSeconds: 10})
	f(0, 1, "yes, 2 left, full in 10")
	f(1, 1, "yes, 1 left, full in 10")
	f(9_000, 2, "no, 1 left, full in 1, retry in 1")
	f(9_001, 2, "no, 1 left, full in 1, retry in 1")
	f(9_999, 1, "yes, 0 left, full in 1")
	f(9_999, 1, "no, 0 left, full in 1, retry in 1")
	f(10_000, 3, "yes, 0 left, full in 10")
	f(10_001, 1, "no, 0 left, full in 10, retry in 10")
	f(19_999, 3, "no, 0 left, full in 1, retry in 1")
	f(20_000, 1, "yes, 2 left, full in 10")
	f(1_000_000, 2, "yes, 1 left, full in 10")
}

func TestFixedWindowsBeginAtMultiplesOfTheirLength(t *testing.T) {
	f := table(t, Rule{Algorithm: Fixed, Limit: 1, WindowSeconds: 60}) // birth is 20 s into a minute
	f(0, 1, "yes, 0 left, full in 40")
	f(39_999, 1, "no, 0 left, full in 1, retry in 1")
	f(40_000, 1, "yes, 0 left, full in 60")
}

func TestSlidingLetsTheWindowBeforeFadeAway(t *testing.T) {
	f := table(t, Rule{Limit: 10, WindowSeconds: 10})
	f(0, 10, "yes, 0 left, full in 20")
	f(0, 1, "no, 0 left, full in 20, retry in 11")
	f(9_999, 1, "no, 0 left, full in 11, retry in 2")
	f(10_000, 1, "no, 0 left, full in 10, retry in 1")
	f(10_999, 1, "no, 0 left, full in 10, retry in 1") // 9.001 weigh as 10
	f(11_000, 1, "yes, 0 left, full in 19")
	f(11_001, 1, "no, 0 left, full in 19, retry in 1")
	f(12_000, 2, "no, 1 left, full in 18, retry in 1")
	f(13_000, 2, "yes, 0 left, full in 17")
	f(19_999, 7, "no, 6 left, full in 11, retry in 1") // 0.001 of the window before
	f(20_000, 7, "yes, 0 left, full in 20")
	f(20_000, 10, "no, 0 left, full in 20, retry in 20")
	f(40_000, 10, "yes, 0 left, full in 20")
}

func TestSlidingWaitsAcrossTheBorder(t *testing.T) {
	// What is used in this window has to fade in the next: 6 of 8 may stay.
	f := table(t, Rule{Limit: 10, WindowSeconds: 10})
	f(5_000, 8, "yes, 2 left, full in 15")
	f(5_000, 4, "no, 2 left, full in 15, retry in 8")
	f(12_499, 4, "no, 3 left, full in 8, retry in 1")
	f(12_500, 4, "yes, 0 left, full in 18")
}

func TestSlidingRetriesAtTheBorderWhenTheWindowBeforeGoes(t *testing.T) {
	f := table(t, Rule{Limit: 4, WindowSeconds: 1})
	f(999, 4, "yes, 0 left, full in 2")
	f(999, 4, "no, 0 left, full in 2, retry in 2")
	f(1_000, 1, "no, 0 left, full in 1, retry in 1")
	f(1_249, 1, "no, 0 left, full in 1, retry in 1")
	f(1_250, 1, "yes, 0 left, full in 2")
	f(1_999, 3, "no, 2 left, full in 2, retry in 1")
	f(2_000, 3, "yes, 0 left, full in 2")
}

func TestGCRALeaksSteadily(t *testing.T) {
	f := table(t, Rule{Algorithm: GCRA, Limit: 3, WindowSeconds: 1})
	f(0, 3, "yes, 0 left, full in 1")
	f(333, 1, "no, 0 left, full in 1, retry in 1") // a third of a second is 333.3 ms
	f(334, 1, "yes, 0 left, full in 1")
	f(666, 1, "no, 0 left, full in 1, retry in 1")
	f(667, 1, "yes, 0 left, full in 1")
	f(999, 1, "no, 0 left, full in 1, retry in 1")
	f(1_000, 1, "yes, 0 left, full in 1")
	f(1_999, 3, "no, 2 left, full in 1, retry in 1")
	f(2_000, 3, "yes, 0 left, full in 1")
}

func TestGCRABurstIsWhatPassesAtOnce(t *testing.T) {
	f := table(t, Rule{Algorithm: GCRA, Limit: 1, WindowSeconds: 10, Burst: 3})
	f(0, 3, "yes, 0 left, full in 30")
	f(0, 3, "no, 0 left, full in 30, retry in 30")
	f(9_999, 1, "no, 0 left, full in 21, retry in 1")
	f(10_000, 1, "yes, 0 left, full in 30")
	f(25_000, 1, "yes, 0 left, full in 25")
	f(25_000, 2, "no, 0 left, full in 25, retry in 15")
	f(50_000, 3, "yes, 0 left, full in 30")

	f = table(t, Rule{Algorithm: GCRA, Limit: 10, WindowSeconds: 10, Burst: 1}) // strictly one by one
	f(0, 1, "yes, 0 left, full in 1")
	f(999, 1, "no, 0 left, full in 1, retry in 1")
	f(1_000, 1, "yes, 0 left, full in 1")
}

func TestTheStateIsReadable(t *testing.T) {
	var k key
	rules := []Rule{
		{Limit: 10, WindowSeconds: 10, Cost: 2},
		{Algorithm: Fixed, Limit: 100, WindowSeconds: 60, Cost: 1},
		{Algorithm: GCRA, Limit: 3, WindowSeconds: 1, Burst: 7, Cost: 4},
	}
	f := func(at int64, want string, wantExpireAt int64) {
		t.Helper()
		k.ask(t, birth+at, false, rules...)
		if string(k.state) != want || k.expireAt != birth+wantExpireAt {
			t.Errorf("%q until %d", k.state, k.expireAt-birth)
		}
	}
	f(0, "sliding 10 1700000000000 0 2\nfixed 60 1699999980000 1\ngcra 1 1700000000000 4 0 1700000001334", 40_000)
	// A second leaks 3, half of one 1.5, 501 milliseconds 1.503.
	f(501, "sliding 10 1700000000000 0 4\nfixed 60 1699999980000 2\ngcra 1 1700000000501 6 497 1700000002667", 40_000)
	f(10_000, "sliding 10 1700000010000 4 2\nfixed 60 1699999980000 3\ngcra 1 1700000010000 4 0 1700000011334", 40_000)
}

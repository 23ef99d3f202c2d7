package ratelimit

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// confirm proves a verdict by the log, however large its numbers are.
func (w *witness) confirm(t failer, at, cost int64, v Verdict) {
	t.Helper()
	full := func(at int64) bool { return w.taken(at).Sign() == 0 }
	room := new(big.Rat).Sub(big.NewRat(w.capacity(), 1), w.taken(at))
	whole := new(big.Int).Div(room.Num(), room.Denom()) // rounds down
	reset, retry := at+v.ResetSeconds*1000, at+v.RetryAfterSeconds*1000
	switch {
	case !whole.IsInt64() || whole.Int64() != v.Remaining:
		t.Fatalf("%v remain, not %d", whole, v.Remaining)
	case !full(reset) || (v.ResetSeconds > 0 && full(reset-1000)):
		t.Fatalf("not full in %d s, but for %v", v.ResetSeconds, w.taken(reset))
	case !v.Allowed && (!w.allows(retry, cost) || w.allows(retry-1000, cost)):
		t.Fatalf("no retry in %d s", v.RetryAfterSeconds)
	}
}

func TestNothingOverflowsAtTheBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := Rule{
			Algorithm:     rapid.SampledFrom([]Algorithm{Sliding, Fixed, GCRA}).Draw(t, "algorithm"),
			Limit:         rapid.SampledFrom([]int64{1, 3, 1<<31 + 1, LimitMax / 10, LimitMax - 1, LimitMax}).Draw(t, "limit"),
			WindowSeconds: rapid.SampledFrom([]int64{1, 59, WindowSecondsMax - 1, WindowSecondsMax}).Draw(t, "window"),
		}
		if rule.Algorithm == GCRA {
			rule.Burst = rapid.SampledFrom([]int64{0, 1, 10, RefillSecondsMax, LimitMax - 1, LimitMax}).Draw(t, "burst")
		}
		if rule.Check() == refillTooLong {
			rule.Burst = 0
		}
		k, w, now := key{}, witness{rule: rule}, int64(0)
		for range 12 {
			now += rapid.OneOf(
				rapid.SampledFrom([]int64{0, 1, 999, 1000}),
				rapid.Int64Range(0, 2*rule.windowMillis()),
				rapid.Int64Range(0, nowMillisMax/20),
				rapid.Just(int64(nowMillisMax/20)),
			).Draw(t, "ms")
			rule.Cost = rapid.SampledFrom([]int64{1, rule.capacity()/2 + 1, rule.capacity()}).Draw(t, "cost")
			want := w.allows(now, rule.Cost)
			verdicts, allowed := k.ask(t, now, false, rule)
			if allowed != want {
				t.Fatalf("at %d %+v: allowed %v", now, rule, allowed)
			}
			if allowed {
				w.admit(now, rule.Cost)
			}
			w.confirm(t, now, rule.Cost, verdicts[0])
		}
	})
}

func TestEveryLineThatMayBeReadIsCountedWithoutOverflow(t *testing.T) {
	for _, state := range []string{
		"sliding 31622400 1675987200000 1000000000000 1000000000000",
		"fixed 31622400 1675987200000 1000000000000",
		"gcra 31622400 1700000000000 1000000000000 31622399999 2016224000000",
		"gcra 1 1700000000000 1000000000000 999 2016224000000",
		"gcra 1 1 1000000000000 0 316224000001",
	} {
		lines, ok := parse(make([]line, 0, LinesMax), []byte(state))
		if !ok {
			t.Fatalf("%q", state)
		}
		for _, limit := range []int64{1, 2, LimitMax - 1, LimitMax} {
			// The fourth lets a limit of LimitMax leak 1,000 * 2^64.
			for _, after := range []int64{0, 1, 1000, 18_446_744_074, lines[0].windowMillis, lines[0].until - lines[0].at - 1} {
				rule := Rule{Algorithm: lines[0].algorithm, Limit: limit, WindowSeconds: lines[0].windowMillis / 1000, Cost: 1}
				k := key{state: []byte(state)}
				checkVerdict(t, &k, lines[0].at+after, rule)
				rule.Cost = limit
				checkVerdict(t, &k, lines[0].at+after, rule)
			}
		}
	}
}

func TestArithmeticAgreesWithLargeIntegers(t *testing.T) {
	value := rapid.OneOf(rapid.Int64Range(0, math.MaxInt64), rapid.Int64Range(0, LimitMax), rapid.SampledFrom([]int64{0, 1, LimitMax, math.MaxInt64}))
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := value.Draw(t, "a"), value.Draw(t, "b"), value.Draw(t, "c")
		divisor := max(value.Draw(t, "divisor"), 1)
		product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		if other := new(big.Int).Mul(big.NewInt(c), big.NewInt(divisor)); productOver(a, b, c, divisor) != (product.Cmp(other) > 0) {
			t.Fatalf("%d*%d over %d*%d", a, b, c, divisor)
		}
		if down := new(big.Int).Div(product, big.NewInt(divisor)); down.IsInt64() && mulDiv(a, b, divisor) != down.Int64() {
			t.Fatalf("%d*%d/%d = %d", a, b, divisor, mulDiv(a, b, divisor))
		}
		up := new(big.Int).Add(product, big.NewInt(c))
		up.Add(up, big.NewInt(divisor-1)).Div(up, big.NewInt(divisor))
		if up.IsInt64() && mulAddDivUp(a, b, c, divisor) != up.Int64() {
			t.Fatalf("(%d*%d+%d)/%d = %d", a, b, c, divisor, mulAddDivUp(a, b, c, divisor))
		}
	})
}

package ratelimit

const (
	// LimitMax bounds limits, costs and bursts: a budget of bytes or of money in
	// small units fits, and products with a window fit into 128 bits.
	LimitMax = 1_000_000_000_000
	// WindowSecondsMax is a leap year.
	WindowSecondsMax = 366 * 24 * 3600
	// RefillSecondsMax bounds how long a full burst takes to leak away: ten of the
	// longest windows.
	RefillSecondsMax = 10 * WindowSecondsMax
	// RulesMax bounds the rules of one request, as the API does.
	RulesMax = 16
	// LinesMax bounds what a key remembers: twice RulesMax, so that all windows of a
	// key may be changed at once while the counts of the old ones still live.
	LinesMax = 2 * RulesMax
	// StateBytesMax is the size that no state exceeds: a buffer of this capacity
	// never grows.
	StateBytesMax = LinesMax * lineBytesMax

	// aheadMillisMax is how far ahead of the clock a line may be: the clock was set back
	// since. A second is what a leap second takes, and more than time services step by
	// when all is well. No window is shorter.
	aheadMillisMax = 1000
	// lineBytesMax is a line of gcra at its longest, "gcra 31622400 1000000000000000
	// 1000000000000 31622399999 1000316224000000" and a newline, rounded up.
	lineBytesMax = 80
	// nowMillisMax is in the year 33,658. Later times are taken as this one, and
	// times before 1970 as 1970.
	nowMillisMax = 1_000_000_000_000_000
	// numberDigitsMax keeps every number of a state, and any sum of a few, within 64
	// bits.
	numberDigitsMax = 18
)

// Package ratelimit is the arithmetic of rate limits: what the rules of a key
// answer to a request, given what the key remembers and the time.
//
// It is pure: no clock, no goroutine, no I/O. It counts in integers and multiplies
// in 128 bits, so it rounds nowhere but in the seconds that it tells a client, and
// it allocates nothing but what a caller's buffer lacks.
//
// What is admitted, as cost, by a rule whose limit stays the same:
//
//   - fixed: at most limit in each window, where windows begin at whole multiples
//     of their length since 1970. Around a border, up to twice the limit may pass in
//     the length of one window.
//   - sliding: at most limit, where the window before counts with the part of it
//     that one window back from now still covers. So at most limit in each window
//     of the fixed kind, and at most 2*limit - 1 in any span of a window's length,
//     which takes somebody who is silent until a window's last millisecond.
//   - gcra: at most burst + limit*t/window in any span of t: a bucket that holds
//     burst and leaks limit per window.
//
// A clock that was set back finds lines of its future. One that is ahead by at most a
// second is taken as it stands, and moves on when the clock has caught up: such steps
// happen, and they let nobody pass who would not have. One that is further ahead says
// nothing: what it held is forgotten, rather than that somebody is locked out. So
// nobody waits more than a second beyond the longest wait that the rule itself knows.
package ratelimit

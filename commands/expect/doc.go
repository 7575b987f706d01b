// Package expect judges what a subscriber sees: the language of sub --expect,
// the trial that a run is, and the check of numbered streams of --seq.
//
//	payload=open within 5s     some message is like this
//	count>=3, count(qos=1)=2   so many are
//	every qos=1                all are, and there is one
//	never payload.error        none is
//	order                      the first kind came in the order in which they are given
//
// There are aims, which messages reach (some message, count>=3, count=3), and
// guards, which messages break (never, every, count<3). A trial is over with
// the first expectation that fails; or once every aim is reached and every
// time of within is over; or when whoever runs it says so. That is why a guard
// without a time needs an aim beside it, or another end: it would hold for ever.
//
// A run is messages and times that are handed in; the package reads no clock.
package expect

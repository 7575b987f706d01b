// Package humanize takes the place of github.com/dustin/go-humanize in the build
// (go.mod says so), for the sake of the start of a one-shot command.
//
// Package modernc.org/libc imports it to print counts of calls in a build that
// looks for faults of its own, which ours never is. But its tables of units and a
// regular expression are built whenever the program starts: 119 objects and 8
// page faults of a pub.
package humanize

import "strconv"

// Comma writes a number with a comma after each three digits.
func Comma(n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := 1 // of the digits that a comma may precede
	if n < 0 {
		first++
	}
	for at := len(digits) - 3; at >= first; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

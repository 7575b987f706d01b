package commands

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// A setter is the value of a flag that takes one: its own parser, which
// stores into the options struct that the command handed in.
type setter struct {
	set   func(string) error
	arity func(next []string) int // nil: one word
}

func (s *setter) String() string { return "" }

// Set stores one value.
func (s *setter) Set(value string) error { return s.set(value) }

// valued declares a flag with a value. names are the long name and its
// aliases; usage holds the placeholder of the value in back quotes.
func valued(names, usage string, set func(string) error) *cli.GenericFlag {
	n := strings.Fields(names)
	return &cli.GenericFlag{Name: n[0], Aliases: n[1:], Usage: usage, Value: &setter{set: set}}
}

// onOff declares a flag without a value.
func onOff(names, usage string, into *bool) *cli.BoolFlag {
	n := strings.Fields(names)
	return &cli.BoolFlag{Name: n[0], Aliases: n[1:], Usage: usage, Destination: into}
}

// setFlag stores the value of a flag; that of one without a value is what
// argv.go lets through, true or false.
func setFlag(f cli.Flag, value string) error {
	switch f := f.(type) {
	case *cli.GenericFlag:
		return f.Value.Set(value)
	case *cli.BoolFlag:
		if f.Destination != nil {
			*f.Destination = value == "true"
		}
	}
	return nil
}

// ignored declares a flag that changes nothing.
func ignored(name, usage string) *cli.BoolFlag {
	return &cli.BoolFlag{Name: name, Usage: usage}
}

// inCategory puts flags under one heading of the help.
func inCategory(category string, flags ...cli.Flag) []cli.Flag {
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.GenericFlag:
			f.Category = category
		case *cli.BoolFlag:
			f.Category = category
		}
	}
	return flags
}

// toString takes any value but an empty one.
func toString(into *string) func(string) error {
	return func(s string) error {
		if s == "" {
			return fmt.Errorf("may not be empty")
		}
		*into = s
		return nil
	}
}

// toStringOrEmpty takes any value and notes that there was one.
func toStringOrEmpty(into **string) func(string) error {
	return func(s string) error {
		*into = &s
		return nil
	}
}

func toList(into *[]string) func(string) error {
	return func(s string) error {
		*into = append(*into, s)
		return nil
	}
}

// toNumber takes a whole number in a range.
func toNumber[T ~int | ~uint8 | ~uint16 | ~uint32](into *T, low, high uint64) func(string) error {
	return func(s string) error {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil || n < low || n > high {
			return fmt.Errorf("must be a number from %d to %d", low, high)
		}
		*into = T(n)
		return nil
	}
}

func toNumberGiven[T ~int | ~uint8 | ~uint16 | ~uint32](into **T, low, high uint64) func(string) error {
	return func(s string) error {
		n := new(T)
		if err := toNumber(n, low, high)(s); err != nil {
			return err
		}
		*into = n
		return nil
	}
}

func toDuration(into *time.Duration) func(string) error {
	return func(s string) (err error) {
		*into, err = parseDuration(s)
		return err
	}
}

func toPositiveDuration(into *time.Duration) func(string) error {
	return func(s string) error {
		d, err := parseDuration(s)
		if err == nil && d == 0 {
			err = fmt.Errorf("must be more than 0")
		}
		*into = d
		return err
	}
}

// parseDuration reads seconds (5, 0.5) or a Go duration (250ms, 2h).
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil || d < 0 {
		return 0, fmt.Errorf("must be seconds or a duration such as 5, 0.5 or 250ms")
	}
	return d, nil
}

// placeholder is the word in back quotes of a flag's usage, and usageText the
// usage without them.
func placeholder(f cli.Flag) string {
	_, rest, _ := strings.Cut(flagUsage(f), "`")
	word, _, _ := strings.Cut(rest, "`")
	return word
}

func usageText(f cli.Flag) string {
	return strings.ReplaceAll(flagUsage(f), "`", "")
}

func flagUsage(f cli.Flag) string {
	if d, ok := f.(cli.DocGenerationFlag); ok {
		return d.GetUsage()
	}
	return ""
}

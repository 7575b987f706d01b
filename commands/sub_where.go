package commands

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"mqtk/commands/condition"
	"mqtk/mqttwire"
)

// chooseOptions are the flags of sub that choose messages by what they say.
type chooseOptions struct {
	Where, Grep  []string
	RandomFilter float64 // percent; 0: all

	conditions []*condition.Condition
	patterns   []*regexp.Regexp
}

func (o *chooseOptions) flags() []cli.Flag {
	return []cli.Flag{
		valued("where", "leave out messages of which `EXPR` does not hold, such as 'payload.temp>30' (repeatable): see CONDITIONS in the man page", toList(&o.Where)),
		valued("grep", "leave out messages whose payload does not match the regular expression `RE` (repeatable)", toList(&o.Grep)),
		valued("random-filter", "take `PERCENT` of the messages, 0.1 to 100, chosen at random, and leave the others out", toChance(&o.RandomFilter)),
	}
}

// parse reads the conditions and expressions.
func (o *chooseOptions) parse() error {
	for _, text := range o.Where {
		c, err := condition.Parse(text)
		if err != nil {
			return pointAt("--where", text, err)
		}
		o.conditions = append(o.conditions, c)
	}
	for _, text := range o.Grep {
		re, err := regexp.Compile(text)
		if err != nil {
			return usagef("--grep %s: %s", text, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		o.patterns = append(o.patterns, re)
	}
	return nil
}

// toChance takes what --random-filter of mosquitto_sub does.
func toChance(into *float64) func(string) error {
	return func(s string) (err error) {
		if *into, err = strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64); err != nil || !(*into >= 0.1 && *into <= 100) {
			return fmt.Errorf("must be a percentage from 0.1 to 100")
		}
		return nil
	}
}

// lucky is the sieve of --random-filter.
func (o *chooseOptions) lucky(*mqttwire.Publish) bool { return rand.Float64()*100 < o.RandomFilter }

// passes is the sieve of --where and --grep. It leaves in seen what the
// conditions of others may ask of the same message.
func (o *chooseOptions) passes(seen *condition.Message) sieve {
	return func(m *mqttwire.Publish) bool {
		seen.Set(m)
		for _, re := range o.patterns {
			if !re.Match(m.Payload) {
				return false
			}
		}
		for _, c := range o.conditions {
			if !c.Holds(seen) {
				return false
			}
		}
		return true
	}
}

// pointAt is the usage error for a text of the language of conditions: what is
// wrong, and under the text an arrow to where.
func pointAt(flag, text string, err error) error {
	f := usagef("%s %s: %w", flag, text, err)
	f.pointAt(flag, text, err)
	return f
}

// pointAt puts the arrow, if the error knows where.
func (f *failure) pointAt(flag, text string, err error) {
	var at *condition.Error
	if errors.As(err, &at) && visible(text) == text && utf8.RuneCountInString(text) < 200 {
		f.Err = fmt.Errorf("%s, %w", flag, err)
		f.Hints = []string{text, strings.Repeat(" ", widthOf(clipped(text, at.Column-1))) + "^"}
	}
}

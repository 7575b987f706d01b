package commands

import (
	"fmt"
	"strings"

	"mqtk/broker"
)

const (
	// filesKept is how many of the open files are not for connections:
	// listeners, the log, what the runtime needs.
	filesKept = 64
	// mostConnections bounds what is derived from a limit on open files that
	// is none ("unlimited" is a very large number).
	mostConnections = 1_000_000
)

// limits are the defaults, MQTK_SET and --set, each over the one before. The
// number of connections, if nobody chose it, is what this system allows.
func (o *serveOptions) limits(getenv func(string) string) (broker.Limits, error) {
	limits := broker.DefaultLimits()
	for _, word := range strings.Fields(getenv("MQTK_SET")) {
		if err := setLimit(&limits, word); err != nil {
			return limits, usagef("MQTK_SET: %v", err)
		}
	}
	for _, word := range o.Set {
		if err := setLimit(&limits, word); err != nil {
			return limits, usagef("--set: %v", err)
		}
	}
	if o.MemoryLimit != "" {
		if err := limits.Set("memory_limit", o.MemoryLimit); err != nil {
			return limits, usagef("--memory-limit: %v", err)
		}
	}
	o.limitMemory(&limits, getenv)
	if files, ok := fileLimit(); ok && limits.MaxConnections == 0 {
		limits.MaxConnections = connectionsFor(files)
	}
	return limits, nil
}

func connectionsFor(files uint64) int {
	return int(min(max(files, filesKept+1)-filesKept, mostConnections))
}

func setLimit(limits *broker.Limits, word string) error {
	key, value, ok := strings.Cut(word, "=")
	if !ok {
		return fmt.Errorf("%q must be KEY=VALUE", word)
	}
	return limits.Set(key, value)
}

// limitKeys are the first halves of what --set takes.
func limitKeys() []string {
	var keys []string
	for _, l := range broker.LimitTable() {
		keys = append(keys, l.Key+"=")
	}
	return keys
}

// limits lists what --set takes, from the broker's own table.
func (r *roff) limits() {
	r.heading("LIMITS")
	r.text("Each is a KEY of --set and of MQTK_SET, where --set wins. Sizes take k, M and G (powers of 1024), durations s, m, h and d.")
	for _, l := range broker.LimitTable() {
		standard := l.Default
		if standard == "" {
			standard = "empty"
		}
		r.row(l.Key, fmt.Sprintf("%s Default %s; %s.", l.Doc, standard, l.Range()))
	}
}

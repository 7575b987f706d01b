package commands

import (
	"fmt"

	"mqtk/broker"
	"mqtk/commands/config"
)

const (
	// filesKept is how many of the open files are not for connections:
	// listeners, the log, what the runtime needs.
	filesKept = 64
	// mostConnections bounds what is derived from a limit on open files that
	// is none ("unlimited" is a very large number).
	mostConnections = 1_000_000
)

// settle fills in what nobody chose: the number of connections is what this system
// allows, and memory is divided.
func settle(c *config.Config) {
	settleMemory(c)
	if files, ok := fileLimit(); ok && c.Limits.MaxConnections == 0 {
		c.Limits.MaxConnections = connectionsFor(files)
	}
}

func connectionsFor(files uint64) int {
	return int(min(max(files, filesKept+1)-filesKept, mostConnections))
}

// settingKeys are the first halves of what --set takes.
func settingKeys() []string {
	keys := config.Keys()
	for i := range keys {
		keys[i] += "="
	}
	return keys
}

// limitNotes lists what --set takes, from the broker's own table.
func limitNotes() manSection {
	s := manSection{heading: "LIMITS", text: "Each is a KEY of --set and of MQTK_SET, where --set wins, and of the table [limits] of the configuration. Sizes take k, M and G (powers of 1024), durations s, m, h and d."}
	for _, l := range broker.LimitTable() {
		standard := l.Default
		if standard == "" {
			standard = "empty"
		}
		text := fmt.Sprintf("%s Default %s; %s.", l.Doc, standard, l.Range())
		if l.Fixed {
			text += " A change needs a restart."
		}
		if l.Key == "deny_action" {
			text += " In the configuration it is acl.deny_action."
		}
		s.rows = append(s.rows, manRow{l.Key, text})
	}
	return s
}

//go:build unix

package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mqtk/broker"
)

// TestProgressOnATerminal: long runs say how they stand, in one line that makes
// way for others and is gone at the end.
func TestProgressOnATerminal(t *testing.T) {
	url := brokerBy(t, way{listen: "mqtt://127.0.0.1:0"}, broker.Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	mqtk := func(t *testing.T, line string) *pane {
		return newPane(t, fmt.Sprintf(`%s=1 GORACE=%s sh -c "trap : INT; '%s' %s; echo code \$?; sleep 60"`,
			runAsMqtk, raceInAHurry, self, fmt.Sprintf(line, url)))
	}
	long := mqtk(t, "pub -L %s a x --rate 20 --repeat 1000000")
	long.awaits(`^\d+ of 1,000,000 published, \S+/s, \d+h\d+m\d+s left\s*$`)
	t.Run("ends", func(t *testing.T) {
		for _, test := range []struct{ line, during, then, after string }{
			{"pub -L %s b x --rate 20 --repeat 160", `^\d+ of 160 published, \S+/s, \d+s left\s*$`, "", `^code 0\s*$`},
			{"sub -L %s a end/1 -C 1000 > " + file, `^\d+ of 1,000 messages, \S+/s, \d+ B, \S+ left\s*$`, "end/1 y --repeat 1000", `^code 0\s*$`},
			{"sub -L %s a end/2 -C 1000 --record " + file + ".json", `^\d+ of 1,000 messages, \S+/s, \d+ B, \S+ left\s*$`, "end/2 y --repeat 1000", `^code 0\s*$`},
			{"sub -L %s a -C 1 -v --exec 'echo run >&2; exit 3'", "", "", `^\S*a\S* x\nrun\nmqtk: --exec for a: exit status 3\n\S*mqtk:\S* --exec: 1 of 1 command failed\ncode 9\s*$`},
			{"sub -L %s c --exec 'echo run >&2; exit 3'", `^0 messages, \S+/s, 0 B\s*$`, "c y", `^run\nmqtk: --exec for c: exit status 3\n1 message, \S+/s, 1 B\s*$`},
		} {
			t.Run(test.line, func(t *testing.T) {
				t.Parallel()
				p := mqtk(t, test.line)
				if test.during != "" {
					p.awaits(test.during)
				}
				if test.then != "" {
					if out, err := mqtkCommand(t, append([]string{"pub", "-L", url}, strings.Fields(test.then)...)...).CombinedOutput(); err != nil {
						t.Errorf("%v: %s", err, out)
					}
				}
				p.awaits(test.after)
			})
		}
	})
	long.tmux("send-keys", "C-c")
	long.awaits(`^(\S*mqtk:\S* interrupted\n( +\d+ messages unsent .*\n)?)?code (0|130)\s*$`)
}

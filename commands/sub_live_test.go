//go:build unix

package commands

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
)

// A pane is a terminal of 80 columns and 24 lines, played by tmux.
type pane struct {
	t      *testing.T
	socket string
}

// newPane starts a command on a terminal.
func newPane(t *testing.T, command string) *pane {
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("there is no tmux to look at a terminal with")
	}
	p := &pane{t, filepath.Join(t.TempDir(), "tmux")}
	p.tmux("-f", os.DevNull, "new-session", "-d", "-x", "80", "-y", "24", "env TERM=screen "+command)
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", p.socket, "kill-server").Run() })
	return p
}

func (p *pane) tmux(words ...string) string {
	p.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", p.socket}, words...)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %s: %v: %s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

// awaits looks at the screen until it is like that.
func (p *pane) awaits(like string) {
	p.t.Helper()
	pattern := regexp.MustCompile(like)
	screen := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if screen = p.tmux("capture-pane", "-p", "-e"); pattern.MatchString(screen) {
			return
		}
	}
	p.t.Fatalf("the screen is not like\n%s\nbut\n%s", like, screen)
}

// TestLiveOnATerminal: --tree and -w keep their lines, what is told goes above
// them, and with NO_COLOR nothing is written over.
func TestLiveOnATerminal(t *testing.T) {
	url := brokerBy(t, way{listen: "mqtt://127.0.0.1:0"}, broker.Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sub := func(environment, flags string) *pane {
		return newPane(t, fmt.Sprintf("%s %s=1 GORACE=%s '%s' sub -L %s %s; sleep 60", environment, runAsMqtk, raceInAHurry, self, url, flags))
	}
	publish := func(topic, payload string) {
		if out, err := mqtkCommand(t, "pub", "-L", url, "-r", topic, payload).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	publish("home/door", "open")
	publish("home/kitchen/temp", "21")
	for _, test := range []struct{ environment, flags, first, then string }{
		{"", "'#' --tree",
			`(?s)^TOPIC +MESSAGES +PER S  PAYLOAD\n└─ home +2 +\S*\n   ├─ door +1 +\S* +open\n   └─ kitchen +1 .*temp +1 +\S* +21\n2 messages of 2 topics[^\n]*\s*$`,
			`(?s)^TOPIC +MESSAGES +PER S  PAYLOAD\n└─ home +3 .*door +2 +\S* +closed\n.*temp +1 +\S* +21\n3 messages of 2 topics[^\n]*\s*$`},
		{"", "'#' -w",
			`(?s)^TOPIC +MESSAGES +PER S  PAYLOAD\nhome/\S+ +1 [^\n]*\nhome/\S+ +1 [^\n]*\n2 messages of 2 topics[^\n]*\s*$`,
			`(?s)^TOPIC +MESSAGES +PER S  PAYLOAD\n.*home/door +2 +\S* +closed\n.*3 messages of 2 topics[^\n]*\s*$`},
		{"NO_COLOR=1", "'#' -w",
			`(?s)^home/\S+ \S+\nhome/\S+ \S+\s*$`,
			`(?s)^home/\S+ \S+\nhome/\S+ \S+\nhome/door closed\s*$`},
		{"NO_COLOR=1", "'#' --tree --until-retained-end", `(?s)^└─ home \(2\)\n   ├─ door \(1\) open\n.*2 messages of 2 topics\s*$`, ""},
	} {
		p := sub(test.environment, test.flags)
		p.awaits(test.first)
		if test.then == "" {
			continue
		}
		publish("home/door", "closed")
		p.awaits(test.then)
		publish("home/door", "open")
	}
	p := sub("", "'#' -w --exec 'echo hello from $MQTK_TOPIC'")
	p.awaits(`(?s)^hello from home/\S+\nhello from home/\S+\nTOPIC +MESSAGES [^\n]*\nhome/\S+ +1 [^\n]*\nhome/\S+ +1 [^\n]*\n2 messages of 2 topics[^\n]*\s*$`)
	publish("home/door", "closed")
	p.awaits(`(?s)^(hello from home/\S+\n){3}TOPIC +MESSAGES [^\n]*\n.*home/door +2 [^\n]*closed\n.*3 messages of 2 topics[^\n]*\s*$`)
}

// TestTopWithoutColour: the tables of inspect top stand below each other then.
func TestTopWithoutColour(t *testing.T) {
	url := brokerBy(t, way{listen: "mqtt://127.0.0.1:0"}, broker.Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := newPane(t, fmt.Sprintf("env NO_COLOR=1 %s=1 GORACE=%s '%s' inspect top %s --interval 0.1 --count 2; echo over; sleep 60", runAsMqtk, raceInAHurry, self, url))
	p.tmux("resize-window", "-x", "80", "-y", "200") // for what has gone up
	table := url + ` +mqtk [^\n]* up .*\n\n`
	p.awaits(`(?s)^` + table + table + `over\s*$`)
}

// TestLiveOnASmallTerminal: of more topics than there are lines those are shown
// that have changed, whatever size the terminal has got, and after a stop the
// drawing goes on below.
func TestLiveOnASmallTerminal(t *testing.T) {
	url := brokerBy(t, way{listen: "mqtt://127.0.0.1:0"}, broker.Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	publish := func(words ...string) {
		if out, err := mqtkCommand(t, append([]string{"pub", "-L", url, "-r"}, words...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for i := range 30 {
		publish(fmt.Sprintf("room/%02d", i), "cold")
	}
	const command = `env %s=1 GORACE=%s "%s" sub -L %s "%s" %s`
	for _, test := range []struct{ flag, large, small string }{
		{"-w", `(?s)^TOPIC +MESSAGES [^\n]*\n(room/\d\d +\d+ [^\n]*\n){21}30 messages of 30 topics[^\n]*; 9 [^\n]*not shown\s*$`,
			`(?s)^TOPIC +MSGS  PAYLOAD\n(room/\d\d +\d+ [^\n]*\n){7}33 messages of 30 topics; 23 not shown\s*$`},
		{"--tree", `(?s)^TOPIC +MESSAGES [^\n]*\n└─ room +30 [^\n]*\n( +├─ \d\d +\d+ [^\n]*\n){19} +└─ … +11 more topics\n30 messages of 30 topics[^\n]*\s*$`,
			`(?s)^TOPIC +MSGS  PAYLOAD\n└─ room +33[^\n]*\n( +├─ \d\d +\d+ [^\n]*\n){5} +└─ … +25 more topics\n33 messages of 30 topics\S*\s[^\n]*\s*$`},
	} {
		p := newPane(t, fmt.Sprintf(command, runAsMqtk, raceInAHurry, self, url, "room/+", test.flag))
		p.awaits(test.large)
		p.tmux("resize-window", "-x", "40", "-y", "10")
		for _, topic := range []string{"07", "29", "11"} { // most of them have no row
			publish("room/"+topic, "warm")
			p.awaits(`\n[^\n]*` + topic + ` +2  warm`)
		}
		p.awaits(test.small)
	}
	p, stop := newStoppedPane(t, fmt.Sprintf(command, runAsMqtk, raceInAHurry, self, url, "room/07", "-w"))
	table := `TOPIC [^\n]*\nroom/07 +1 [^\n]*\n1 message of [^\n]*\n`
	p.awaits(`^` + table + `\s*$`)
	stop()
	p.awaits(`^(` + table + `){2,}\s*$`)
	p, stop = newStoppedPane(t, fmt.Sprintf(`env %s=1 GORACE=%s "%s" inspect top %s --interval 0.1`, runAsMqtk, raceInAHurry, self, url))
	p.tmux("resize-window", "-x", "80", "-y", "150")
	table = `mqtt://127[^\n]* up \d`
	p.awaits(table)
	stop()
	p.awaits(`(?s)` + table + `.*` + table)
}

// newStoppedPane is a pane whose command stop stops for a moment; tmux, too, lets
// what was stopped go on.
func newStoppedPane(t *testing.T, command string) (p *pane, stop func()) {
	pid := filepath.Join(t.TempDir(), "pid")
	return newPane(t, "echo $$ >"+pid+"; exec "+command), func() {
		t.Helper()
		number, err := os.ReadFile(pid)
		if err != nil {
			t.Fatal(err)
		}
		for _, signal := range []string{"-STOP", "-CONT"} {
			if out, err := exec.Command("kill", signal, strings.TrimSpace(string(number))).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
	}
}

package referee

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// TestConversations plays testdata/*.txt. A file holds conversations:
//
//	=== title
//	version 3.1.1            5.0 without
//	exact                    no skew
//	midway                   the connections were there before
//	1> PACKET                connection 1, from the client; 1 may be left out
//	1< hex=d000              from the server, as bytes
//	1> EOF, 1> RESET         the end of a direction
//	1> skip 20               20 bytes that are not seen; 0: nobody knows how many
//	+20ms                    time passes; without, 10 ms between lines, and 0 in an exact one
//	! violation server MQTT-3.2.0-2 words
//
// A line with ! is the next finding of the line before it, or at the end of
// the connection's, with words that its text has. All findings must be told.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, talk := range strings.Split(string(text), "\n=== ") {
			if i == 0 && !strings.HasPrefix(talk, "=== ") {
				continue
			}
			title, body, _ := strings.Cut(strings.TrimPrefix(talk, "=== "), "\n")
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+title, func(t *testing.T) {
				p := &player{t: t, conversations: map[int]*Conversation{}, version: mqttwire.V5, step: 10 * time.Millisecond}
				p.play(body)
			})
		}
	}
}

// A player plays a conversation and compares what is found.
type player struct {
	t             *testing.T
	conversations map[int]*Conversation
	versions      map[int]mqttwire.Version
	version       mqttwire.Version
	options       Options
	at, step      time.Duration
	found         []Finding
	line          string
	packets       []Packet
}

func (p *player) now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(p.at) }

func (p *player) play(body string) {
	p.t.Helper()
	p.options.Sessions = NewSessions()
	p.versions = map[int]mqttwire.Version{}
	for line := range strings.Lines(body) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		switch word, rest, _ := strings.Cut(line, " "); {
		case line == "" || line[0] == '#':
		case word == "version":
			p.version = map[string]mqttwire.Version{"3.1": mqttwire.V31, "3.1.1": mqttwire.V311, "5.0": mqttwire.V5}[rest]
		case word == "exact":
			p.options.Skew, p.step = -1, 0
		case word == "midway":
			p.options.Midway = true
		case word == "!":
			p.expect(rest)
		case word[0] == '+':
			d, err := time.ParseDuration(word[1:])
			if err != nil {
				p.t.Fatal(line, err)
			}
			p.at += d
		default:
			p.none()
			p.event(line, word, rest)
		}
	}
	p.none()
}

// event feeds a line.
func (p *player) event(line, word, rest string) {
	p.t.Helper()
	p.line = line
	if word == "finish" {
		for i := range len(p.conversations) {
			p.found = append(p.found, p.conversations[i+1].Finish(p.now())...)
		}
		return
	}
	arrow := word[len(word)-1]
	number := 1
	if len(word) > 1 {
		number, _ = strconv.Atoi(word[:len(word)-1])
	}
	from := map[byte]mqttwire.Side{'>': mqttwire.Client, '<': mqttwire.Server}[arrow]
	if from == 0 {
		p.t.Fatalf("%q: an arrow is expected", line)
	}
	c := p.conversations[number]
	if c == nil {
		c = New(p.options)
		p.conversations[number] = c
	}
	p.at += p.step
	switch what, n, _ := strings.Cut(rest, " "); what {
	case "EOF", "RESET":
		p.found = append(p.found, c.End(from, p.now(), what == "RESET")...)
	case "skip":
		count, _ := strconv.Atoi(n)
		p.found = append(p.found, c.Skip(from, p.now(), count)...)
	default:
		for _, packet := range c.Feed(from, p.now(), p.bytes(number, rest)) {
			p.found = append(p.found, packet.Findings...)
			p.packets = append(p.packets, packet)
		}
	}
}

// bytes makes the bytes of a packet.
func (p *player) bytes(number int, text string) []byte {
	p.t.Helper()
	if digits, ok := strings.CutPrefix(text, "hex="); ok {
		b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			p.t.Fatal(text, err)
		}
		return b
	}
	v := p.versions[number]
	if v == 0 {
		v = p.version
	}
	packet, err := mqttwire.ParseText(text, v)
	if err != nil {
		p.t.Fatal(text, err)
	}
	if connect, ok := packet.(*mqttwire.Connect); ok && connect.Version != 0 {
		v = connect.Version
	}
	p.versions[number] = v
	b, err := packet.Append(nil, v)
	if err != nil {
		p.t.Fatal(text, err)
	}
	return b
}

// expect compares the next finding.
func (p *player) expect(want string) {
	p.t.Helper()
	if len(p.found) == 0 {
		p.t.Errorf("after %q: %s is expected, and nothing is found", p.line, want)
		return
	}
	f := p.found[0]
	p.found = p.found[1:]
	words := strings.SplitN(want, " ", 4)
	got := []string{f.Kind.String(), f.Side.String(), f.Clause}
	if f.Clause == "" {
		got[2] = "-"
	}
	if strings.Join(words[:min(3, len(words))], " ") != strings.Join(got, " ") || len(words) > 3 && !strings.Contains(f.Text, words[3]) {
		p.t.Errorf("after %q: %s is expected, and %s %s is found", p.line, want, strings.Join(got, " "), f.Text)
	}
}

// none wants no finding to be left.
func (p *player) none() {
	p.t.Helper()
	for _, f := range p.found {
		p.t.Errorf("after %q: found %s %s %s %s", p.line, f.Kind, f.Side, f.Clause, f.Text)
	}
	p.found = nil
}

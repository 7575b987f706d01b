package commands

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exitCauses says for each exit code what leads to it. Each cause has a
// transcript: a command that ends so, behind a line
//
//	#= CODE CAUSE
func exitCauses() map[int][]string {
	return map[int][]string{
		exitDone: {
			"published", "-C messages came", "nothing on stdin", "help and version", "inspect decode",
			"SIGINT with nothing open", "SIGTERM with nothing open", "the reader closed the pipe",
		},
		exitFailed: {"output that cannot be written", "serve cannot listen"},
		exitUsage: {
			"unknown flag", "unknown command", "bad value", "flags that contradict each other", "file that is not there",
			"configuration", "environment",
		},
		exitUnreachable: {
			"no such host name", "connection refused", "no such Unix socket", "connect time-out", "no proxy", "the proxy refuses",
			"HTTP answers, and no WebSocket", "no CONNACK", "the broker vanishes before its CONNACK", "retries before the first connection used up",
		},
		exitTLS:     {"unknown authority", "certificate for another host", "plain MQTT on the port", "HTTP on the port", "handshake refused"},
		exitRefused: {"CONNACK with any other code", "CONNACK 2 of 3.1.1"},
		exitDenied: {
			"CONNACK 0x86", "CONNACK 0x87", "CONNACK 0x8A", "CONNACK 0x8C", "CONNACK 4 of 3.1.1", "CONNACK 5 of 3.1.1",
			"SUBACK 0x87", "SUBACK 0x80 of 3.1.1", "PUBACK 0x87", "PUBREC 0x87", "DISCONNECT 0x87",
		},
		exitProtocol: {
			"HTTP on the port", "TLS on the port", "SSH on the port", "garbage on the port", "CONNACK that breaks the rules",
			"PUBLISH that breaks the rules", "wrong acknowledgement", "DISCONNECT with an error", "inspect decode of bad bytes",
		},
		exitLost: {"sub is allowed no retry", "pub is allowed no retry", "no PINGRESP", "--expect without a broker"},
		exitPartly: {
			"some filters refused", "all filters refused, not for rights", "some messages refused", "all messages refused, not for rights",
			"QoS or retain not granted", "QoS 2 messages in doubt", "no subscriber with --require-subscriber", "import with options that have no equivalent",
		},
		exitUnexpected:  {"--expect of sub", "--seq of sub", "threshold of bench", "finding of an audit", "inspect check finds something wrong"},
		exitTimeout:     {"sub", "sub without a SUBACK", "pub without an acknowledgement", "no reply", "no reply in the time of --gather"},
		exitInterrupted: {"-C", "--expect", "messages that are not due yet", "messages without an answer", "bench"},
		exitTerminated:  {"-C", "messages without an answer", "bench"},
	}
}

// The table of exit codes, that of their causes, and the transcripts have the
// same rows.
func TestExitCodesHaveTranscripts(t *testing.T) {
	causes := exitCauses()
	var known []int
	for _, row := range exitCodes() {
		known = append(known, row.Code)
	}
	if listed := slices.Sorted(maps.Keys(causes)); !slices.Equal(listed, known) {
		t.Errorf("causes are listed for %v, and the table has %v", listed, known)
	}
	shown := shownCauses(t)
	for code, list := range causes {
		for _, cause := range list {
			row := fmt.Sprintf("%d %s", code, cause)
			if shown[row] == 0 {
				t.Errorf("no transcript has the line #= %s", row)
			}
			delete(shown, row)
		}
	}
	for row := range shown {
		t.Errorf("#= %s of a transcript is not in the list of causes", row)
	}
}

// shownCauses are those that transcripts have, each with the command behind it
// that ends with the code.
func shownCauses(t *testing.T) map[string]int {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d transcripts: %v", len(files), err)
	}
	shown := map[string]int{}
	ended := regexp.MustCompile(`^(?:ends ([0-9]+) |end [^ ]+ ([0-9]+)$|(mqtk) )`)
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		row := ""
		for lines := bufio.NewScanner(file); lines.Scan() && !strings.HasPrefix(lines.Text(), "-- "); {
			if cause, found := strings.CutPrefix(lines.Text(), "#= "); found {
				row = cause
			} else if m := ended.FindStringSubmatch(lines.Text()); m != nil && row != "" {
				code, _, _ := strings.Cut(row, " ")
				if m[3] == "mqtk" && code != "0" || m[3] == "" && m[1]+m[2] != code {
					t.Errorf("%s: behind #= %s stands %s", name, row, lines.Text())
				}
				shown[row]++
				row = ""
			}
		}
		if row != "" {
			t.Errorf("%s: nothing ends behind #= %s", name, row)
		}
		file.Close()
	}
	return shown
}

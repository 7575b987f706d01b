package capture

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestParseKeyLog(t *testing.T) {
	random, secret := strings.Repeat("aB", 32), strings.Repeat("cd", 32)
	for name, test := range map[string]struct {
		text    string
		secrets int
		refused bool
	}{
		"empty":             {"", 0, false},
		"one":               {"CLIENT_RANDOM " + random + " " + secret, 1, false},
		"with comments":     {"# a comment\r\n\r\nCLIENT_TRAFFIC_SECRET_0 " + random + " " + secret + "\r\n", 1, false},
		"of no use":         {"EXPORTER_SECRET " + random + " " + secret + "\nCLIENT_RANDOM " + random + " " + secret + "\n", 1, false},
		"same twice":        {strings.Repeat("CLIENT_RANDOM "+random+" "+secret+"\n", 2), 1, false},
		"short random":      {"CLIENT_RANDOM abcd " + secret + "\n", 0, true},
		"no hexadecimal":    {"CLIENT_RANDOM " + strings.Repeat("xy", 32) + " " + secret + "\n", 0, true},
		"odd secret":        {"CLIENT_RANDOM " + random + " abc\n", 0, true},
		"secret too long":   {"CLIENT_RANDOM " + random + " " + strings.Repeat("00", 65) + "\n", 0, true},
		"no log":            {"-----BEGIN CERTIFICATE-----\n", 0, true},
		"after a long line": {strings.Repeat("x", 1<<20) + "\nCLIENT_RANDOM " + random + " " + secret + "\n", 1, false},
	} {
		keys, err := ParseKeyLog(strings.NewReader(test.text))
		if test.refused != (err != nil) || err == nil && len(keys.secrets) != test.secrets {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
	}
}

// TestKeyLogGrows has a connection wait for secrets that are written after it
// was seen.
func TestKeyLogGrows(t *testing.T) {
	r := newTLSRig(t, true)
	pieces := r.talk(t, dialogue())
	written := r.log.Bytes()
	var file bytes.Buffer
	keys := &KeyLog{}
	keys.Follow(&file)
	d := newDecrypter(keys)
	var got [2]string
	feed := func(pieces []spokenPiece) {
		t.Helper()
		for _, p := range pieces {
			plain, err := d.feed(p.fromServer, p.data)
			if err != nil {
				t.Fatal(err)
			}
			got[sideIndex(p.fromServer)] += string(plain)
		}
	}
	half := len(pieces) / 2
	feed(pieces[:half])
	if got != [2]string{} {
		t.Fatalf("heard %q without a secret", got)
	}
	file.Write(written[:len(written)-10])
	feed(pieces[half:])
	file.Write(written[len(written)-10:])
	feed([]spokenPiece{{false, nil}, {true, nil}})
	if got != said(dialogue()) {
		t.Errorf("heard %d and %d bytes", len(got[0]), len(got[1]))
	}
}

// TestKeyLogNeverGrows gives up on a connection before it has all memory.
func TestKeyLogNeverGrows(t *testing.T) {
	r := newTLSRig(t, true)
	pieces := r.talk(t, []spokenLine{{true, strings.Repeat("much", maxWaiting/2)}})
	keys := &KeyLog{}
	keys.Follow(strings.NewReader(""))
	_, errs := heard(keys, pieces, 0)
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "holds no secret") {
		t.Errorf("%v", errs)
	}
}

func TestKeyLogUnreadable(t *testing.T) {
	r, w := io.Pipe()
	w.CloseWithError(io.ErrUnexpectedEOF)
	if _, err := ParseKeyLog(r); err != io.ErrUnexpectedEOF {
		t.Errorf("%v", err)
	}
}

package commands

import (
	"errors"
	"math"
	"os/exec"
	"strings"
	"testing"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// Without -C no number of messages is the end.
func TestSubGoesOn(t *testing.T) {
	s := &subscriber{link: &link{}, o: &subOptions{}, done: make(chan struct{}), printed: math.MaxUint32}
	if err := s.message(&mqttwire.Publish{Topic: "a"}); err != nil {
		t.Errorf("message %d: %v", s.printed, err)
	}
}

// What comes when the end is decided is neither printed nor acknowledged.
func TestSubLeavesWhatComesBehindTheEnd(t *testing.T) {
	s := &subscriber{link: &link{}, o: &subOptions{}, done: make(chan struct{})}
	s.finish()
	if err := s.message(&mqttwire.Publish{Topic: "a", QoS: 1}); !errors.Is(err, client.ErrLeave) {
		t.Errorf("behind the end: %v", err)
	}
	s = &subscriber{link: &link{}, o: &subOptions{RetainedOnly: true}, done: make(chan struct{})}
	if err := s.message(&mqttwire.Publish{Topic: "a", QoS: 1}); !errors.Is(err, client.ErrLeave) {
		t.Errorf("the live message that ends --retained-only: %v", err)
	}
}

// TestUntilRetainedEndWithoutRetaining: a broker of 3.1.1 that retains nothing
// closes the connection upon the mark of the end, each time anew.
func TestUntilRetainedEndWithoutRetaining(t *testing.T) {
	b := startMosquitto(t, "retain_available false")
	out, err := mqtkCommand(t, "sub", "-L", b.url(), "-V", "311", "--retry-wait", "0.02", "a/#", "--until-retained-end", "-W", "20").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitLost || !strings.Contains(string(out), "it may retain none") {
		t.Errorf("%v, want the end with %d and the reason:\n%s", err, exitLost, out)
	}
}

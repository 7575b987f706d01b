package config

import (
	"strings"
	"testing"
)

// The example of the man page is good, and means something.
func TestExample(t *testing.T) {
	c, problems := Read("/etc/mqtk/mqtk.toml", []byte(Example()))
	probes := Probes{Getenv: func(string) string { return "x" }}
	for _, p := range append(problems, c.Check(probes)...) {
		t.Error(p)
	}
	if len(c.Listeners) != 4 || c.Auth.File.Passwords != "/etc/mqtk/passwd" || c.Limits.MaxConnections != 10000 {
		t.Errorf("%+v", c)
	}
	if got := strings.Join(c.Authenticators(&c.Listeners[0]), " "); got != "file sql" {
		t.Errorf("the first listener asks %s", got)
	}
}

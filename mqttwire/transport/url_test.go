package transport

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Target
	}{
		{"mqtt://localhost", Target{Scheme: "mqtt", Host: "localhost", Port: 1883}},
		{"MQTT://localhost:", Target{Scheme: "mqtt", Host: "localhost", Port: 1883}},
		{"tcp://10.0.0.1:7", Target{Scheme: "tcp", Host: "10.0.0.1", Port: 7}},
		{"mqtt://:0", Target{Scheme: "mqtt", Port: 0}},
		{"mqtt://[::1]", Target{Scheme: "mqtt", Host: "::1", Port: 1883}},
		{"mqtt://[fe80::1%25eth0]:9", Target{Scheme: "mqtt", Host: "fe80::1%eth0", Port: 9}},
		{"mqtts://h", Target{Scheme: "mqtts", Host: "h", Port: 8883}},
		{"ssl://h", Target{Scheme: "ssl", Host: "h", Port: 8883}},
		{"ws://h/mqtt", Target{Scheme: "ws", Host: "h", Port: 80, Path: "/mqtt"}},
		{"wss://h", Target{Scheme: "wss", Host: "h", Port: 443}},
		{"mqtt://u@h", Target{Scheme: "mqtt", Host: "h", Port: 1883, Username: "u", HasUsername: true}},
		{"mqtt://u:@h", Target{Scheme: "mqtt", Host: "h", Port: 1883, Username: "u", HasUsername: true, HasPassword: true}},
		{"mqtt://:p@h", Target{Scheme: "mqtt", Host: "h", Port: 1883, Password: "p", HasPassword: true}},
		{"mqtt://u%3A%40:a:b%2fc+@h", Target{Scheme: "mqtt", Host: "h", Port: 1883, Username: "u:@", HasUsername: true, Password: "a:b/c+", HasPassword: true}},
		{"mqtt://u:p@q@h", Target{Scheme: "mqtt", Host: "h", Port: 1883, Username: "u", HasUsername: true, Password: "p@q", HasPassword: true}},
		{"mqtt://h/a/b%20c", Target{Scheme: "mqtt", Host: "h", Port: 1883, Path: "/a/b c"}},
		{"mqtt://h//a", Target{Scheme: "mqtt", Host: "h", Port: 1883, Path: "//a"}},
		{"mqtt://h/a/+/#", Target{Scheme: "mqtt", Host: "h", Port: 1883, Path: "/a/+/#"}},
		{"mqtt://h/a@b", Target{Scheme: "mqtt", Host: "h", Port: 1883, Path: "/a@b"}},
		{"mqtt://h?version=5&clientid=a", Target{Scheme: "mqtt", Host: "h", Port: 1883, Query: map[string][]string{"version": {"5"}, "clientid": {"a"}}}},
		{"unix:///run/mq%20tt.sock", Target{Scheme: "unix", Path: "/run/mq tt.sock"}},
		{"unix://u:p@/run/x", Target{Scheme: "unix", Path: "/run/x", Username: "u", HasUsername: true, Password: "p", HasPassword: true}},
	} {
		got, err := ParseURL(c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("ParseURL(%q) = %+v, %v; want %+v", c.in, got, err, c.want)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "needs a scheme",
		"localhost:1883":         "needs a scheme",
		"u:secret@localhost":     "needs a scheme",
		"http://h":               `unknown scheme "http"; there are mqtt, tcp, unix, mqtts, ssl, tls, tcps, mqtt+ssl, ws and wss`,
		"mqtt://::1":             "needs brackets",
		"mqtt://[::1":            "not closed",
		"mqtt://[1.2.3.4]":       "not an IPv6 address",
		"mqtt://[::1]x":          "not a port",
		"mqtt://h:x":             "not a port",
		"mqtt://h:-1":            "not a port",
		"mqtt://h:65536":         "not a port",
		"mqtt://a b":             "not a host name",
		"mqtt://u:%zzsecret@h":   "bad percent escape in the password",
		"mqtt://%zz:secret@h":    "bad percent escape in the user name",
		"mqtt://u:secret@h/%zz":  "bad percent escape in the path",
		"mqtt://u:secret@h?a=%z": "bad query",
		"mqtt://u:secret@h:bad":  "not a port",
		"unix://host/x":          "has no host",
		"unix://":                "needs a path",
		"unix:///":               "needs a path",
	} {
		_, err := ParseURL(in)
		var e *Error
		if !errors.As(err, &e) || e.Kind != Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseURL(%q): %v, want a usage error with %q", in, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseURL(%q): %v shows the password", in, err)
		}
	}
}

func TestTargetString(t *testing.T) {
	for in, want := range map[string]string{
		"wss://u:p@h/a%20b?c=d":  "wss://h:443/a%20b",
		"ws://h":                 "ws://h:80",
		"mqtt://u:p@h/a?b=c":     "mqtt://h:1883",
		"mqtt://[::1]:5":         "mqtt://[::1]:5",
		"unix://u:p@/run/a%20b?": "unix:///run/a%20b",
	} {
		target, err := ParseURL(in)
		if err != nil || target.String() != want {
			t.Errorf("%q prints as %q, %v; want %q", in, target, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"mqtt://u:p@[::1]:1/x?y=z", "unix:///a", "mqtt://h", "://"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, err := ParseURL(s)
		if err != nil {
			return
		}
		again, err := ParseURL(target.String())
		if err != nil {
			t.Fatalf("%q prints as %q, which is refused: %v", s, target, err)
		}
		if again.Host != target.Host || again.Port != target.Port || again.Scheme != target.Scheme {
			t.Fatalf("%q: %+v became %+v", s, target, again)
		}
	})
}

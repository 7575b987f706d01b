package broker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// keyholder lets in who has the password "right", and counts whom it was asked about.
type keyholder struct{ asked int }

func (k *keyholder) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	k.asked++
	switch string(c.Password) {
	case "right":
		return broker.Identity{Username: c.Username}, nil
	case "broken":
		return broker.Identity{}, fmt.Errorf("no answer")
	}
	return broker.Identity{}, broker.ErrBadCredentials
}

// Who fails max_auth_failures times in a minute is not even asked any more, and
// others are, from the same address too.
func TestFailuresAreLimited(t *testing.T) {
	keys := &keyholder{}
	bubble(t, broker.Options{}, []string{"max_auth_failures=3"}, func(w *world) {
		w.gate = broker.NewGate(broker.GateRules{Authenticator: keys})
		try := func(v mqttwire.Version, address, user, password, want string) {
			w.t.Helper()
			c := w.from(address, user, v)
			c.send("CONNECT clean-start=1 client-id=x username=" + user + " password=" + password)
			c.expect("CONNACK " + want)
			c.conn.Close()
		}
		const near, far = "192.0.2.1:1", "192.0.2.2:1"
		try(mqttwire.V5, near, "u", "wrong", "BadUserNameOrPassword")
		try(mqttwire.V5, near, "u", "broken", "ServerUnavailable") // is no failure of the client's
		try(mqttwire.V5, near, "u", "wrong", "BadUserNameOrPassword")
		try(mqttwire.V5, near, "u", "right", "Success") // begins anew
		for range 3 {
			try(mqttwire.V5, near, "u", "wrong", "BadUserNameOrPassword")
		}
		asked := keys.asked
		try(mqttwire.V5, near, "u", "right", "ConnectionRateExceeded")
		try(mqttwire.V311, near, "u", "right", "ServerUnavailable")
		if keys.asked != asked {
			t.Error("the authenticator was asked about who has failed too often")
		}
		try(mqttwire.V5, near, "v", "right", "Success")
		try(mqttwire.V5, far, "u", "right", "Success")
		pass(19 * time.Second)
		try(mqttwire.V5, near, "u", "right", "ConnectionRateExceeded")
		pass(2 * time.Second)
		try(mqttwire.V5, near, "u", "right", "Success")
		for i := range 3 {
			try(mqttwire.V5, fmt.Sprintf("[2001:db8::%d]:1", i+1), "u", "wrong", "BadUserNameOrPassword")
		}
		try(mqttwire.V5, "[2001:db8::4]:1", "u", "right", "ConnectionRateExceeded")
		try(mqttwire.V5, "[2001:db8:0:1::4]:1", "u", "right", "Success")
		if err := w.b.SetLimits(limitsWith(w.t, "max_auth_failures=0")); err != nil {
			t.Fatal(err)
		}
		try(mqttwire.V5, "[2001:db8::4]:1", "u", "right", "Success")
	})
}

// Every connection that is not let in is counted by the reason, once.
func TestRefusalsAreCounted(t *testing.T) {
	bubble(t, broker.Options{Authenticator: &keyholder{}}, []string{"max_client_id=23", "max_auth_failures=2", "connect_timeout=1s"}, func(w *world) {
		w.b.SetBans(broker.Bans{ClientIDs: []string{"evil"}})
		for range 3 {
			c := w.dial("c", mqttwire.V5)
			c.send("CONNECT client-id=c username=u password=wrong")
			c.expect("CONNACK BadUserNameOrPassword|ConnectionRateExceeded")
			c.eof()
		}
		for id, want := range map[string]string{"evil": "Banned", strings.Repeat("x", 24): "ClientIdentifierNotValid"} {
			c := w.dial("c", mqttwire.V5)
			c.send("CONNECT client-id=" + id)
			c.expect("CONNACK " + want)
			c.eof()
		}
		w.dial("silent", mqttwire.V5).eof()
		for range 2 {
			c := w.dial("wild", mqttwire.V5)
			c.sendHex("c000")
			c.eof()
		}
		old := w.dial("old", mqttwire.V5)
		old.sendHex("10 0d 00 04 4d 51 54 54 09 02 00 3c 00 01 61")
		old.expect("CONNACK UnsupportedProtocolVersion")
		old.eof()

		summary := w.b.Summary()
		want := "refused        1 banned, 1 timeout, 2 protocol, 1 version, 1 client-id, 2 credentials, 1 failures\n"
		if !strings.Contains(summary, want) {
			t.Errorf("no %sin\n%s", want, summary)
		}
		s := w.dial("s", mqttwire.V5)
		s.send("CONNECT client-id=s clean-start=1 username=u2 password=right")
		s.expect("CONNACK Success")
		s.subscribe("$SYS/broker/clients/refused/credentials", 0, "")
		s.expect("PUBLISH topic=$SYS/broker/clients/refused/credentials retain=1 payload=2")
	})
}

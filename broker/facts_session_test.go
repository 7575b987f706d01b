package broker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// The table of wills: how the connection ends, and when the will comes.
func TestWillTable(t *testing.T) {
	const never = -1
	connect := func(fields string) func(*client) {
		return func(c *client) {
			again := c.w.dial("again", mqttwire.V5)
			again.send("CONNECT client-id=a " + fields)
			again.expect("CONNACK Success")
		}
	}
	say := func(line string) func(*client) {
		return func(c *client) { c.send(line); synctest.Wait(); c.drop() }
	}
	after := func(d time.Duration, then func(*client)) func(*client) {
		return func(c *client) {
			c.drop()
			time.Sleep(d)
			then(c)
		}
	}
	violate := func(c *client) {
		c.sendHex("d0 00") // PINGRESP
		c.expect("DISCONNECT ProtocolError")
		c.eof()
	}
	const forever = "4294967295"
	for _, row := range []struct {
		number        int
		delay, expiry string
		end           func(*client)
		comes         int // seconds after the end
	}{
		{1, "0", "0", say("DISCONNECT"), never},
		{1, "10", "60", say("DISCONNECT"), never},
		{2, "0", "60", say("DISCONNECT DisconnectWithWill"), 0},
		{3, "10", "60", say("DISCONNECT DisconnectWithWill"), 10},
		{4, "10", "60", say("DISCONNECT DisconnectWithWill session-expiry-interval=0"), 0},
		{5, "0", "60", say("DISCONNECT UnspecifiedError"), 0},
		{6, "0", "60", (*client).drop, 0},
		{7, "10", "0", (*client).drop, 0},
		{8, "10", "60", (*client).drop, 10},
		{9, "60", "10", (*client).drop, 10},
		{10, forever, "10", (*client).drop, 10},
		{11, "10", forever, (*client).drop, 10},
		{12, "10", "60", after(5*time.Second, connect("session-expiry-interval=60")), never},
		{13, "10", "60", after(5*time.Second, connect("clean-start=1")), 5},
		{14, "10", "60", after(15*time.Second, connect("session-expiry-interval=60")), 10},
		{15, "0", "60", connect("session-expiry-interval=60"), 0},
		{16, "10", "60", connect("session-expiry-interval=60"), never},
		{17, "10", "0", connect("session-expiry-interval=60"), 0},
		{18, "10", "60", connect("clean-start=1 session-expiry-interval=60"), 0},
		{19, "10", "60", violate, 10},
		{21, "0", "0", say("DISCONNECT session-expiry-interval=5"), 0},
	} {
		t.Run(fmt.Sprintf("row %d delay %s expiry %s", row.number, row.delay, row.expiry), func(t *testing.T) {
			bubble(t, broker.Options{}, nil, func(w *world) {
				watch := w.connect5("watch", "clean-start=1 keep-alive=0")
				watch.subscribe("w", 1, "")
				a := w.connect5("a", fmt.Sprintf("will-topic=w will-payload=%d will-qos=1 will-delay-interval=%s session-expiry-interval=%s", row.number, row.delay, row.expiry))
				began := time.Now()
				row.end(a)
				r, ok := watch.next(100*time.Second - time.Since(began))
				took := time.Since(began)
				switch {
				case row.comes == never && ok:
					w.t.Fatalf("after %v comes %s", took, r.line)
				case row.comes == never:
					return
				case !ok || r.err != nil || field(r.line, "payload") != fmt.Sprint(row.number):
					w.t.Fatalf("no will comes: %v", r)
				}
				if sent := time.Duration(row.comes) * time.Second; took < sent || took > sent+time.Second && row.number != 13 && row.number != 14 {
					w.t.Errorf("the will comes after %v, %v is right", took, sent)
				}
				watch.acknowledge(r.line)
				watch.quiet(100 * time.Second) // once
			})
		})
	}
}

// Row 20: the wills that are due go out when the broker shuts down; the others
// stay with the store.
func TestWillsAtShutdown(t *testing.T) {
	v := &vault{}
	bubble(t, broker.Options{Store: v}, nil, func(w *world) {
		v.wake = make(chan struct{}, 1)
		go v.run()
		v.promptly()
		w.connect5("now", "session-expiry-interval=60 will-topic=w will-payload=x")
		w.connect5("later", "session-expiry-interval=60 will-topic=w will-payload=x will-delay-interval=10")
		w.connect5("ends", "clean-start=1 will-topic=w will-payload=x will-delay-interval=10")
		v.story()
		if err := w.b.Shutdown(context.Background()); err != nil {
			w.t.Error(err)
		}
		story := strings.Join(v.story(), "\n")
		for id, sent := range map[string]bool{"now": true, "later": false, "ends": true} {
			if strings.Contains(story, id+"'s will is nothing") != sent {
				w.t.Errorf("the will of %s: sent is to be %v\n%s", id, sent, story)
			}
		}
		for _, c := range w.clients {
			c.expect("DISCONNECT ServerShuttingDown")
			c.eof()
		}
	})
}

// DISCONNECT may change the expiry, within the cap, and not raise it from 0.
func TestExpiryOfDISCONNECT(t *testing.T) {
	for _, c := range []struct {
		connect, disconnect string
		lasts               time.Duration
	}{
		{"session-expiry-interval=10", "DISCONNECT session-expiry-interval=20", 20 * time.Second},
		{"session-expiry-interval=10", "DISCONNECT session-expiry-interval=4294967295", 30 * time.Second},
		{"session-expiry-interval=4294967295", "DISCONNECT", 30 * time.Second},
		{"session-expiry-interval=10", "DISCONNECT session-expiry-interval=5", 5 * time.Second},
		{"session-expiry-interval=10", "DISCONNECT session-expiry-interval=0", 0},
		{"session-expiry-interval=10", "DISCONNECT UnspecifiedError session-expiry-interval=20", 20 * time.Second},
	} {
		for _, late := range []bool{false, true} {
			if !late && c.lasts == 0 {
				continue
			}
			bubble(t, broker.Options{}, []string{"max_session_expiry=30s"}, func(w *world) {
				a := w.connect5("a", c.connect)
				a.send(c.disconnect)
				a.eof()
				present := "session-present=1"
				if pass(c.lasts - time.Millisecond); late {
					pass(2 * time.Millisecond)
					present = "!session-present"
				}
				b := w.dial("b", mqttwire.V5)
				b.send("CONNECT client-id=a")
				b.expect("CONNACK Success " + present)
			})
		}
	}
}

func TestExpiryOf3x(t *testing.T) {
	bubble(t, broker.Options{}, []string{"session_expiry_3x=1h", "max_session_expiry=1s"}, func(w *world) {
		w.connect4("a", "").leave()
		pass(59 * time.Minute)
		a := w.dial("a", mqttwire.V311)
		a.send("CONNECT client-id=a")
		a.expect("CONNACK Success session-present=1")
		a.leave()
		pass(61 * time.Minute)
		a = w.dial("a", mqttwire.V311)
		a.send("CONNECT client-id=a")
		a.expect("CONNACK Success !session-present")
	})
}

// The cap on the keep alive is told to 5.0, where it holds for none as well; 3.x
// cannot be told.
func TestMaxKeepAlive(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_keep_alive=10"}, func(w *world) {
		for fields, told := range map[string]string{
			"": "server-keep-alive=10", "keep-alive=11": "server-keep-alive=10", "keep-alive=10": "!server-keep-alive", "keep-alive=4": "!server-keep-alive",
		} {
			a := w.dial("a", mqttwire.V5)
			a.send("CONNECT client-id=a clean-start=1 " + fields)
			a.expect("CONNACK Success " + told)
			began := time.Now()
			if r, ok := a.next(20 * time.Second); !ok || r.line.String() == "" || r.line.Type != mqttwire.DISCONNECT {
				w.t.Fatalf("%q: silence is not noticed", fields)
			}
			keepAlive := 10 * time.Second
			if fields == "keep-alive=4" {
				keepAlive = 4 * time.Second
			}
			if took := time.Since(began); took < keepAlive*3/2 || took > keepAlive*3/2+time.Second {
				w.t.Errorf("%q: silence is noticed after %v", fields, took)
			}
		}
		b := w.connect4("b", "keep-alive=60 clean-start=1")
		pass(80 * time.Second)
		b.alive()
		b = w.connect4("b", "clean-start=1")
		pass(time.Hour)
		b.alive()
	})
}

// An id that the broker makes up is told, is not guessable, and takes what
// auto_id_prefix says.
func TestAssignedClientID(t *testing.T) {
	bubble(t, broker.Options{}, []string{"auto_id_prefix=x-"}, func(w *world) {
		seen := make(map[string]bool)
		for range 3 {
			a := w.dial("", mqttwire.V5)
			a.send("CONNECT session-expiry-interval=60 will-topic=w will-payload=w")
			id := field(a.expect("CONNACK Success !session-present assigned-client-identifier=*"), "assigned-client-identifier")
			if seen[id] || !strings.HasPrefix(id, "x-") || len(id) < 20 {
				w.t.Errorf("the client is called %q", id)
			}
			seen[id] = true
			a.leave()
			b := w.dial(id, mqttwire.V5)
			b.send("CONNECT client-id=" + id)
			b.expect("CONNACK Success session-present=1 !assigned-client-identifier")
		}
	})
}

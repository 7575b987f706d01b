package proxy

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire/transport"
)

// bubble runs a test of a proxy in fake time; the proxy ends with it.
func bubble(t *testing.T, o Options, test func(*testing.T, *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, o)
		defer r.stop()
		test(t, r)
	})
}

func TestForwards(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, r *rig) {
		client, broker := r.connect()
		hello := packets(t, 5, "CONNECT version=5 clean-start=1 client-id=a", "PINGREQ")
		send(t, client, hello)
		same(t, "to the broker", arrived(t, broker), hello)
		answer := packets(t, 5, "CONNACK Success", "PINGRESP")
		send(t, broker, answer[:3])
		same(t, "to the client", arrived(t, client), answer[:3])
		send(t, broker, answer[3:])
		same(t, "to the client", arrived(t, client), answer[3:])
		client.Close()
		if !atEnd(broker) {
			t.Error("the broker does not see the client leave")
		}
		broker.Close()
		want := "1 opened\n1> CONNECT version=5 clean-start=1 client-id=a\n1> PINGREQ\n1< CONNACK Success\n1< PINGRESP\n1> EOF\n1< EOF\n1 gone"
		if got := r.took(); got != want {
			t.Errorf("seen:\n%s", got)
		}
	})
}

// What is no MQTT passes like what is.
func TestForwardsAnything(t *testing.T) {
	for _, text := range []string{"", "drop type=AUTH"} {
		bubble(t, Options{Rules: rules(t, text)}, func(t *testing.T, r *rig) {
			client, broker := r.connect()
			random := rand.New(rand.NewPCG(1, 2))
			noise := make([]byte, 300_000)
			for i := range noise {
				noise[i] = byte(random.Uint32())
			}
			noise[1], noise[2], noise[3], noise[4] = 0xff, 0xff, 0xff, 0xff
			var got []byte
			for rest := noise; len(rest) > 0; {
				n := min(len(rest), 1+random.IntN(9000))
				send(t, client, rest[:n])
				got = append(got, arrived(t, broker)...)
				rest = rest[n:]
			}
			same(t, "noise", got, noise)
			send(t, broker, []byte("HTTP/1.1 400 Bad Request\r\n"))
			same(t, "an answer", arrived(t, client), []byte("HTTP/1.1 400 Bad Request\r\n"))
			client.Close()
			broker.Close()
			seen := r.took()
			if !strings.Contains(seen, "1> hex=") || !strings.Contains(seen, "1> bytes=") {
				t.Errorf("seen: %.200s", seen)
			}
		})
	}
}

// With rules that act on nothing all is as without, in whatever pieces.
func TestRulesThatActOnNothing(t *testing.T) {
	bubble(t, Options{Rules: rules(t, "drop client=nobody; delay 1s type=AUTH; reset after-bytes=999999")}, func(t *testing.T, r *rig) {
		client, broker := r.connect()
		all := packets(t, 5, "CONNECT version=5 clean-start=1 client-id=a", "PUBLISH topic=a payload="+strings.Repeat("x", 70_000), "PINGREQ")
		var got []byte
		for rest := all; len(rest) > 0; {
			n := min(len(rest), 7919)
			send(t, client, rest[:n])
			rest = rest[n:]
			got = append(got, arrived(t, broker)...)
		}
		same(t, "packets", got, all)
		send(t, client, []byte{0x30, 9, 9})
		if got := arrived(t, broker); len(got) != 0 {
			t.Errorf("a packet that is not whole: %x", got)
		}
		client.Close()
		same(t, "the rest at the end", arrived(t, broker), []byte{0x30, 9, 9})
	})
}

// A packet too large to be held passes untouched, and rules act behind it.
func TestLargePackets(t *testing.T) {
	bubble(t, Options{Rules: rules(t, "drop type=PUBLISH|PINGREQ")}, func(t *testing.T, r *rig) {
		client, broker := r.connect()
		large := packets(t, 5, "CONNECT version=5 clean-start=1 client-id=a")
		head := len(large)
		large = append(large, 0x30, 0x80, 0x80, 0x80, 0x05, 0, 1, 'a', 0)
		large = append(large, make([]byte, 5<<21-4)...)
		var got []byte
		var reading sync.WaitGroup
		reading.Go(func() {
			buffer := make([]byte, 64<<10)
			for {
				n, err := broker.Read(buffer)
				if got = append(got, buffer[:n]...); err != nil {
					return
				}
			}
		})
		send(t, client, large)
		send(t, client, packets(t, 5, "PINGREQ", "DISCONNECT"))
		client.Close()
		reading.Wait()
		want := append(bytes.Clone(large), packets(t, 5, "DISCONNECT")...)
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes came, want %d (%d of them before the packet)", len(got), len(want), head)
		}
	})
}

func TestHalfClose(t *testing.T) {
	for _, text := range []string{"", "drop type=AUTH"} {
		bubble(t, Options{Rules: rules(t, text)}, func(t *testing.T, r *rig) {
			client, broker := r.connect()
			client.(*transport.MemConn).CloseWrite()
			if !atEnd(broker) {
				t.Error("the end is not handed on")
			}
			send(t, broker, []byte("still here"))
			same(t, "after the end of the other direction", arrived(t, client), []byte("still here"))
			broker.Close()
			if !atEnd(client) {
				t.Error("the broker's end is not handed on")
			}
			synctest.Wait()
			if got := r.took(); !strings.HasSuffix(got, "1 gone") {
				t.Errorf("seen: %s", got)
			}
		})
	}
}

// A broker that takes nothing any more: what it said reaches the client, which
// is then let go.
func TestBrokerLeaves(t *testing.T) {
	for _, text := range []string{"", "drop type=AUTH"} {
		bubble(t, Options{Rules: rules(t, text)}, func(t *testing.T, r *rig) {
			client, broker := r.connect()
			send(t, broker, []byte("bye"))
			broker.Close()
			synctest.Wait()
			client.Write([]byte("more"))
			synctest.Wait()
			client.Write([]byte("more"))
			same(t, "last words", arrived(t, client), []byte("bye"))
			if !atEnd(client) {
				t.Error("the client is not let go")
			}
			if got := r.took(); !strings.Contains(got, "1 gone") {
				t.Errorf("seen: %s", got)
			}
		})
	}
}

func TestBrokerIsAbsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := transport.NewMemListener()
		var seen []*Event
		ctx, cancel := context.WithCancel(t.Context())
		var serving sync.WaitGroup
		serving.Go(func() {
			Serve(ctx, l, Options{
				Dial:  func(context.Context) (net.Conn, error) { return nil, errors.New("nobody there") },
				Watch: func(e *Event) { seen = append(seen, e) },
			})
		})
		client, err := l.Dial(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !atEnd(client) {
			t.Error("the client is not let go")
		}
		cancel()
		serving.Wait()
		if len(seen) != 1 || seen[0].Kind != Refused || seen[0].Err.Error() != "nobody there" {
			t.Errorf("seen: %v", seen)
		}
	})
}

// A listener that fails ends the proxy with what failed.
func TestListenerFails(t *testing.T) {
	l := transport.NewMemListener()
	l.Close()
	if err := Serve(t.Context(), l, Options{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
}

// Watching that hangs does not hold forwarding up, has a bound, and what it
// misses is said where it is missing.
func TestSlowWatcher(t *testing.T) {
	for _, text := range []string{"", "drop type=AUTH"} {
		gate := make(chan struct{})
		bubble(t, Options{Rules: rules(t, text), Backlog: 2000, Watch: func(e *Event) {
			if e.Kind == Opened {
				<-gate
			}
		}}, func(t *testing.T, r *rig) {
			gate = make(chan struct{}) // of this bubble
			client, broker := r.connect()
			synctest.Wait()
			hello := packets(t, 5, "CONNECT version=5 clean-start=1 client-id=a")
			message := packets(t, 5, "PUBLISH topic=a payload="+strings.Repeat("x", 493)) // 500 bytes
			send(t, client, hello)
			for range 10 {
				send(t, client, message)
				same(t, "while nobody looks", arrived(t, broker)[len(hello):], message)
				hello = nil
			}
			close(gate)
			synctest.Wait()
			send(t, client, packets(t, 5, "PINGREQ"))
			seen := r.took()
			if !strings.Contains(seen, "1> missed ") || strings.Count(seen, "\n1> PUBLISH") > 4 {
				t.Errorf("seen: %s", seen)
			}
		})
	}
}

// Events have the times of what they tell, and connections their numbers.
func TestTimesAndConnections(t *testing.T) {
	var times []time.Duration
	var began time.Time
	bubble(t, Options{Watch: func(e *Event) {
		if e.Kind != Data {
			times = append(times, e.At.Sub(began))
		}
	}}, func(t *testing.T, r *rig) {
		began = time.Now()
		a, _ := r.connect()
		time.Sleep(time.Second)
		b, _ := r.connect()
		time.Sleep(time.Second)
		send(t, b, packets(t, 5, "CONNECT version=5 clean-start=1 client-id=b"))
		synctest.Wait()
		time.Sleep(time.Second)
		send(t, a, packets(t, 4, "CONNECT version=4 clean-start=1 client-id=a"))
		want := "1 opened\n2 opened\n2> CONNECT version=5 clean-start=1 client-id=b\n1> CONNECT version=4 clean-start=1 client-id=a"
		if got := r.took(); got != want {
			t.Errorf("seen:\n%s", got)
		}
		for i, d := range []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second} {
			if times[i] != d {
				t.Errorf("event %d at %v, not %v", i, times[i], d)
			}
		}
	})
}

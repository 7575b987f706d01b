package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// testClient connects to the target as any client of the house does.
func testClient(t *testing.T, target Target, connect mqttwire.Connect, take func(p *mqttwire.Publish)) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), client.Options{Connect: connect, MaxInflight: 1000, Dial: func(ctx context.Context) (net.Conn, error) {
		if target.Network != "" {
			return net.Dial(target.Network, target.Address)
		}
		return target.Dial(ctx, netip.Addr{})
	}, Hooks: client.Hooks{OnMessage: func(p *mqttwire.Publish) error {
		if take != nil {
			take(p)
		}
		return nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// numbered is a payload as the broker's books read it.
func numbered(publisher, sequence int) []byte {
	b := binary.BigEndian.AppendUint64(nil, 0xABCD<<48|uint64(publisher)<<24)
	return append(binary.BigEndian.AppendUint64(b[:5], uint64(sequence)<<24), 0, 0, 0, 0)[:17]
}

// exchange publishes n messages at QoS q to a subscriber and gives the numbers
// that it received.
func exchange(t *testing.T, target Target, v mqttwire.Version, q mqttwire.QoS, n int) (got []int) {
	sub := testClient(t, target, mqttwire.Connect{Version: v, ClientID: "s", CleanStart: true}, func(p *mqttwire.Publish) {
		got = append(got, int(sequenceOf(p.Payload)))
	})
	if _, err := sub.Subscribe(t.Context(), []mqttwire.Subscription{{Filter: "t/#", QoS: 2}}, nil); err != nil {
		t.Fatal(err)
	}
	pub := testClient(t, target, mqttwire.Connect{Version: v, ClientID: "p", CleanStart: true}, nil)
	for i := range n {
		if err := pub.Publish(t.Context(), &mqttwire.Publish{Topic: fmt.Sprint("t/", i%3), QoS: q, Payload: numbered(7, i)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := pub.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := sub.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if target.Dial != nil {
		time.Sleep(2 * time.Second) // of the bubble
	}
	pub.Close()
	sub.Close()
	return got
}

func TestTestBrokerKeepsItsPromise(t *testing.T) {
	for _, v := range []mqttwire.Version{mqttwire.V31, mqttwire.V311, mqttwire.V5} {
		for q := range mqttwire.QoS(3) {
			synctest.Test(t, func(t *testing.T) {
				b := newTestBroker(t, testFaults{})
				defer b.close()
				got := exchange(t, b.target(), v, q, 100)
				books, counts := b.report(), b.counts(nil)
				if len(got) != 100 || !slices.IsSorted(got) || len(books.complaints) > 0 || books.strange > 0 {
					t.Errorf("%v QoS %d: %v, %+v", v, q, got, books)
				}
				if counts != (Counts{Sent: 100, Expected: 100, Delivered: 100}) {
					t.Errorf("%v QoS %d: %+v", v, q, counts)
				}
				if want := int64(100); q > 0 && books.acknowledged != want {
					t.Errorf("%v QoS %d: %d acknowledged", v, q, books.acknowledged)
				}
			})
		}
	}
	b := newTestBroker(t, testFaults{})
	if got := exchange(t, b.listen(t), mqttwire.V5, 1, 100); len(got) != 100 {
		t.Errorf("over loopback: %v", got)
	}
}

// TestTestBrokerFails shows that each fault is one, and is in the books.
func TestTestBrokerFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults testFaults
		want   string // the end of what comes, of 0 to 9
		counts Counts
	}{
		{"drop", testFaults{drop: 4}, "0 1 2 4 5 6 8 9", Counts{Sent: 10, Expected: 10, Delivered: 8, Lost: 2}},
		{"double", testFaults{double: 4}, "0 1 2 3 3 4 5 6 7 7 8 9", Counts{Sent: 10, Expected: 10, Delivered: 10, Duplicated: 2}},
		{"swap", testFaults{swap: 4}, "0 1 2 4 3 5 6 8 7 9", Counts{Sent: 10, Expected: 10, Delivered: 10, Reordered: 2, Disordered: 2}},
		{"swap the last", testFaults{swap: 10}, "0 1 2 3 4 5 6 7 8 9", Counts{Sent: 10, Expected: 10, Delivered: 10}},
		{"forget", testFaults{forget: 4}, "0 1 2 4 5 6 8 9", Counts{Sent: 10, Expected: 10, Delivered: 8, Lost: 2}},
		{"corrupt", testFaults{corrupt: 4}, "0 1 2 3 4 5 6 7 8 9", Counts{Sent: 10, Expected: 10, Delivered: 10, Corrupted: 2}},
	} {
		for q := range mqttwire.QoS(3) {
			synctest.Test(t, func(t *testing.T) {
				b := newTestBroker(t, test.faults)
				defer b.close()
				got := exchange(t, b.target(), mqttwire.V311, q, 10)
				if text := strings.Trim(fmt.Sprint(got), "[]"); text != test.want || b.counts(nil) != test.counts {
					t.Errorf("%s at QoS %d: %s, %+v", test.name, q, text, b.counts(nil))
				}
			})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{late: 10})
		defer b.close()
		got := exchange(t, b.target(), mqttwire.V311, 2, 65)
		if got[59] != 59 || got[60] != 9 || b.counts(nil) != (Counts{Sent: 65, Expected: 65, Delivered: 65, Duplicated: 1, Reordered: 1}) {
			t.Errorf("late: %v, %+v", got, b.counts(nil))
		}
	})
}

// TestTestBrokerStalls holds the stall to its times.
func TestTestBrokerStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{stall: 200 * time.Millisecond})
		defer b.close()
		start := time.Now()
		c := testClient(t, b.target(), mqttwire.Connect{ClientID: "c", CleanStart: true}, nil)
		if d := time.Since(start); d != 200*time.Millisecond {
			t.Errorf("CONNACK after %v", d)
		}
		for _, want := range []time.Duration{0, 0, 900 * time.Millisecond} {
			time.Sleep(100 * time.Millisecond)
			_ = c.Ping(t.Context())
			time.Sleep(want)
		}
		if d := time.Since(start); d != 1400*time.Millisecond {
			t.Errorf("at %v", d)
		}
		time.Sleep(700 * time.Millisecond)
		_ = c.Ping(t.Context())
		if d := time.Since(start); d != 2200*time.Millisecond {
			t.Errorf("PINGRESP in a stall at %v", d)
		}
		c.Close()
	})
}

func TestTestBrokerKeepsSessionsAndRetains(t *testing.T) {
	for _, v := range []mqttwire.Version{mqttwire.V311, mqttwire.V5} {
		synctest.Test(t, func(t *testing.T) {
			b := newTestBroker(t, testFaults{})
			defer b.close()
			lasting := mqttwire.Connect{Version: v, ClientID: "s"}
			if v == mqttwire.V5 {
				lasting.Properties = lasting.Properties.AddNumber(mqttwire.SessionExpiryInterval, 60).AddNumber(mqttwire.ReceiveMaximum, 3)
			}
			var got []string
			take := func(p *mqttwire.Publish) {
				got = append(got, fmt.Sprintf("%s%d%v", p.Topic, sequenceOf(p.Payload), p.Retain))
			}
			s := testClient(t, b.target(), lasting, take)
			_, err := s.Subscribe(t.Context(), []mqttwire.Subscription{{Filter: "q", QoS: 1}, {Filter: "r/+", QoS: 1}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if v == mqttwire.V311 {
				s.Close()
			} else if err := s.Disconnect(t.Context(), &mqttwire.Disconnect{}); err != nil {
				t.Error(err)
			}
			p := testClient(t, b.target(), mqttwire.Connect{ClientID: "p", CleanStart: true}, nil)
			for i := range 8 {
				_, err = p.PublishWait(t.Context(), &mqttwire.Publish{Topic: "q", QoS: mqttwire.QoS(i % 3), Payload: numbered(0, i)})
			}
			_, err2 := p.PublishWait(t.Context(), &mqttwire.Publish{Topic: "r/1", QoS: 1, Retain: true, Payload: numbered(0, 8)})
			s = testClient(t, b.target(), lasting, take)
			synctest.Wait()
			if text := strings.Join(got, " "); text != "q1false q2false q4false q5false q7false r/18false" || errors.Join(err, err2) != nil {
				t.Errorf("%v: drained %s: %v", v, text, err)
			}
			got = nil
			_, _ = s.Subscribe(t.Context(), []mqttwire.Subscription{{Filter: "r/#", QoS: 2}}, nil)
			_, _ = p.PublishWait(t.Context(), &mqttwire.Publish{Topic: "r/1", QoS: 1, Retain: true})
			_, _ = p.Subscribe(t.Context(), []mqttwire.Subscription{{Filter: "r/#", QoS: 2}}, nil)
			synctest.Wait()
			if text := strings.Join(got, " "); !strings.HasPrefix(text, "r/18true") {
				t.Errorf("%v: retained %s", v, text)
			}
			if books := b.report(); books.retained != 2 || books.cleared != 1 || len(b.retained) != 0 || len(books.complaints) > 0 {
				t.Errorf("%v: %+v", v, books)
			}
			s.Close()
			p.Close()
		})
	}
}

package broker_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/conformance"
	"mqtk/mqttwire/referee"
	"mqtk/mqttwire/transport"
)

// TestSpecReferee plays all scripts through a tap at which a referee sits: it
// has nothing to say of the broker, whatever the clients do.
func TestSpecReferee(t *testing.T) {
	scripts, err := conformance.Scripts()
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range scripts {
		if testing.Short() && i%5 > 0 || s.Frames != "" {
			continue
		}
		t.Run(s.Version.String()+"/"+s.Title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := transport.NewMemListener()
				court := &court{sessions: referee.NewSessions(), raised: strings.HasPrefix(conformance.SettingsKey(s.Settings), "upgrade_outgoing_qos")}
				dial := func(ctx context.Context) (net.Conn, error) {
					conn, err := l.Dial(ctx)
					if err != nil {
						return nil, err
					}
					return court.tap(conn), nil
				}
				playThrough(t, s, optionsFor(t, s, broker.Options{}), l, dial)
				court.close(t, "as it was")
				r := rand.New(rand.NewPCG(uint64(i), 1))
				nothing := func(heard) bool { return false }
				some := func(heard) bool { return r.IntN(8) == 0 }
				exact := referee.Options{Skew: -1}
				court.again(exact, court.cut(r), nothing).close(t, "cut")
				court.again(referee.Options{}, court.swapped(r), nothing).close(t, "swapped")
				court.again(exact, court.minutes, some).close(t, "with gaps")
				court.again(exact, court.cut(r), some).close(t, "cut, with gaps")
				late := court.minutes[min(len(court.minutes), r.IntN(10)):]
				court.again(referee.Options{Skew: -1, Midway: true}, late, nothing).close(t, "from the middle")
			})
		})
	}
}

// A court has a referee for each connection, and keeps the minutes.
type court struct {
	sessions *referee.Sessions
	mutex    sync.Mutex
	taps     []*tapped
	minutes  []heard
	raised   bool // the broker is told to raise the QoS of messages, of which there is a note
}

// Heard is what happened at a tap.
type heard struct {
	tap  int
	from mqttwire.Side
	at   time.Time
	data []byte // nil: the end
}

// A tapped connection shows its client's side to a referee.
type tapped struct {
	net.Conn
	number   int
	court    *court
	referee  *referee.Conversation
	findings []referee.Finding
	trace    []string
}

func (c *court) tap(conn net.Conn) net.Conn {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	t := &tapped{Conn: conn, number: len(c.taps), court: c, referee: referee.New(referee.Options{Sessions: c.sessions, Skew: -1})}
	c.taps = append(c.taps, t)
	return t
}

func (t *tapped) Write(b []byte) (int, error) {
	t.court.hear(heard{t.number, mqttwire.Client, time.Now(), bytes.Clone(b)})
	return t.Conn.Write(b)
}

func (t *tapped) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	if n > 0 {
		t.court.hear(heard{t.number, mqttwire.Server, time.Now(), bytes.Clone(b[:n])})
	}
	if err != nil {
		t.court.hear(heard{t.number, mqttwire.Server, time.Now(), nil})
	}
	return n, err
}

func (t *tapped) Close() error {
	t.court.hear(heard{t.number, mqttwire.Client, time.Now(), nil})
	return t.Conn.Close()
}

func (c *court) hear(h heard) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.minutes = append(c.minutes, h)
	c.taps[h.tap].hear(h)
}

func (t *tapped) hear(h heard) {
	if h.data == nil {
		t.findings = append(t.findings, t.referee.End(h.from, h.at, false)...)
		return
	}
	for _, p := range t.referee.Feed(h.from, h.at, h.data) {
		t.findings = append(t.findings, p.Findings...)
		t.trace = append(t.trace, h.at.Format("05.0000 ")+p.From.String()+" "+p.Line.String())
	}
}

// close wants no finding about the broker.
func (c *court) close(t *testing.T, how string) {
	t.Helper()
	for i, tap := range c.taps {
		tap.findings = append(tap.findings, tap.referee.Finish(time.Now())...)
		bad := false
		for _, f := range tap.findings {
			if c.raised && f.Kind == referee.Note && strings.Contains(f.Text, "it was published with QoS 0") {
				continue
			}
			if f.Side == mqttwire.Server && f.Kind != referee.Retransmission && f.Kind != referee.Gap {
				t.Errorf("%s: connection %d: %s of the %s in packet %d: %s [%s]", how, i+1, f.Kind, f.Side, f.Packet, f.Text, f.Clause)
				bad = true
			}
		}
		for _, line := range tap.trace {
			if bad {
				t.Log(i+1, line)
			}
		}
	}
}

// again holds the same hearing from minutes that somebody has spoilt.
func (c *court) again(o referee.Options, minutes []heard, skipped func(heard) bool) *court {
	n := &court{sessions: referee.NewSessions(), raised: c.raised}
	o.Sessions = n.sessions
	for range c.taps {
		n.taps = append(n.taps, &tapped{referee: referee.New(o)})
	}
	for _, h := range minutes {
		tap := n.taps[h.tap]
		if h.data != nil && skipped(h) {
			tap.findings = append(tap.findings, tap.referee.Skip(h.from, h.at, len(h.data))...)
			continue
		}
		tap.hear(h)
	}
	return n
}

// swapped delays each direction of each connection, by less than the skew that
// a referee allows for.
func (c *court) swapped(r *rand.Rand) []heard {
	minutes := slices.Clone(c.minutes)
	latest := make(map[[2]int]time.Time)
	for i := range minutes {
		h := &minutes[i]
		way := [2]int{h.tap, int(h.from)}
		h.at = h.at.Add(time.Duration(r.Int64N(int64(1900 * time.Microsecond))))
		if before := latest[way]; h.at.Before(before) {
			h.at = before
		}
		latest[way] = h.at
	}
	slices.SortStableFunc(minutes, func(a, b heard) int { return a.at.Compare(b.at) })
	return minutes
}

// cut splits what was heard in two.
func (c *court) cut(r *rand.Rand) (minutes []heard) {
	for _, h := range c.minutes {
		if n := len(h.data); n > 1 {
			first := h
			k := 1 + r.IntN(n-1)
			first.data, h.data = h.data[:k], h.data[k:]
			minutes = append(minutes, first)
		}
		minutes = append(minutes, h)
	}
	return minutes
}

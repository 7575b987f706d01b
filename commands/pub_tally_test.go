package commands

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/transport"
)

// A server that stops to read is a connection lost, no breach of the protocol.
func TestServerThatStopsReadingIsLost(t *testing.T) {
	var l link
	l.greeted.Store(true)
	err := &client.TimeoutError{Waiting: client.WaitingForReader, After: 5 * time.Second}
	if f := l.explain(err); f.Code != exitLost {
		t.Errorf("exit %d, want %d", f.Code, exitLost)
	}
}

func TestJSONWords(t *testing.T) {
	for line, want := range map[string]string{
		`{"topic":"a","qos":-1}`:          `"qos": -1 is none of 0, 1 and 2`,
		`[]`:                              "an object is expected, not an array",
		`{"topic":"a","payload_b64":"*"}`: `"payload_b64" is no base64`,
		`{"topic":true}`:                  `"topic" cannot be a bool`,
	} {
		if _, err := parseMessageJSON([]byte(line)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// A stream that always has a next message is asked about on its way, too: what
// may be lost is what came since.
func TestStreamWithoutPauseIsConfirmedOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := transport.MemPair()
		go answerPings(far)
		c, err := client.Connect(t.Context(), client.Options{
			Dial:    func(context.Context) (net.Conn, error) { return near, nil },
			Connect: mqttwire.Connect{ClientID: "a", CleanStart: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		tally := &tally{link: &link{Client: c, ctx: t.Context()}}
		stream := &slowMiddle{rest: 3 * probeItems, slow: 2 * probeItems}
		if err := tally.publishAll([]mqttwire.Publish{{Topic: "a"}}, stream); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		far.Close()
		<-c.Done()
		if n := c.Unconfirmed(); n == 0 || n > 2*probeItems {
			t.Errorf("%d of %d messages may be lost", n, 3*probeItems)
		}
	})
}

// slowMiddle gives messages without a word of waiting, although one takes longer.
type slowMiddle struct{ rest, slow int }

func (s *slowMiddle) waits() bool       { return false }
func (s *slowMiddle) pending() bool     { return s.rest > 0 }
func (s *slowMiddle) left() (int, bool) { return s.rest, true }

func (s *slowMiddle) next(context.Context, <-chan struct{}, *item) (bool, error) {
	if s.rest == s.slow {
		time.Sleep(2 * probeEvery)
	}
	s.rest--
	return s.rest >= 0, nil
}

// answerPings is a broker that takes everything.
func answerPings(nc net.Conn) {
	eachPacketOf(nc, func(p mqttwire.Packet) {
		switch p.(type) {
		case *mqttwire.Connect:
			_, _ = nc.Write([]byte{0x20, 3, 0, 0, 0})
		case *mqttwire.Pingreq:
			_, _ = nc.Write([]byte{0xD0, 0})
		}
	})
}

// eachPacketOf reads what a client of MQTT 5.0 says, to the end.
func eachPacketOf(nc net.Conn, do func(mqttwire.Packet)) {
	r := mqttwire.NewReader(nc)
	r.From, r.Version = mqttwire.Client, mqttwire.V5
	for {
		p, err := r.ReadPacket()
		if err != nil {
			return
		}
		do(p)
	}
}

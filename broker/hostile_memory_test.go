package broker_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

const (
	kibibyte = 1 << 10
	mebibyte = 1 << 20
)

// grew fails when live memory has grown beyond a bound since before.
func (s *siege) grew(before, most int64, over string) {
	s.Helper()
	var growth int64
	if !eventually(func() bool { growth = heap() - before; return growth < most }) {
		s.Errorf("memory grew by %d KiB over %s; %d KiB are allowed", growth/kibibyte, over, most/kibibyte)
	}
	s.Logf("%s: %d KiB", over, growth/kibibyte)
}

// Bytes are reserved as they arrive: a declared length costs nothing.
func TestHostileDeclaredLength(t *testing.T) {
	o := broker.Options{Limits: limits(t, "max_packet_size", "268435460", "max_connect_packet_size", "268435460")}
	overLoopback(t, o, func(s *siege) {
		const declared = 256*mebibyte - 1
		before := heap()
		for i := range 16 {
			g := s.connect(fmt.Sprintf("version=5 client-id=a-%d", i))
			g.write(append([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, 'a', 0}, make([]byte, kibibyte)...))
			g = s.knock(mqttwire.V5)
			g.write(append([]byte{0x10, 0xFF, 0xFF, 0xFF, 0x7F}, make([]byte, kibibyte)...))
		}
		s.others()
		s.grew(before, 8*mebibyte, fmt.Sprintf("32 connections that declare %d bytes", declared))
	})
	overLoopback(t, broker.Options{}, func(s *siege) { // with the default limits they are not even waited for
		g := s.connect("version=5 client-id=a")
		g.write([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F})
		g.expectClosed("DISCONNECT PacketTooLarge")
		g = s.knock(mqttwire.V5)
		g.write([]byte{0x10, 0xFF, 0xFF, 0xFF, 0x7F, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 0})
		g.expect("CONNACK PacketTooLarge")
		g.expectEnd()
	})
}

// The first packet must be CONNECT, seen from its first byte.
func TestHostileFirstByte(t *testing.T) {
	inBubble(t, broker.Options{}, func(s *siege) {
		for first := range 256 {
			if first>>4 == int(mqttwire.CONNECT) {
				continue
			}
			g := s.knock(mqttwire.V5)
			start := time.Now()
			g.write([]byte{byte(first)})
			g.expectEnd()
			if time.Since(start) > 0 {
				s.Errorf("first byte %#x: closed after %v", first, time.Since(start))
			}
		}
		g := s.knock(mqttwire.V5)
		g.write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
		g.expectEnd()
	})
}

// 2,000 refused CONNECTs leave memory flat.
func TestHostileRefusedConnects(t *testing.T) {
	o := broker.Options{Limits: limits(t, "max_client_id", "23", "max_auth_failures", "0"), Authenticator: only("well")}
	overLoopback(t, o, func(s *siege) {
		refused := func(i int) {
			g := s.ask(fmt.Sprintf("version=5 client-id=%d-%s username=x password=%s", i, rand.Text()[:9], strings.Repeat("x", 9000)))
			g.expect("CONNACK BadUserNameOrPassword")
			g.expectEnd()
			g.Close()
			g = s.ask("version=3.1.1 clean-start=1 client-id=" + rand.Text())
			g.expect("CONNACK ClientIdentifierNotValid")
			g.Close()
		}
		for i := range 20 {
			refused(i)
		}
		s.forget()
		before := heap()
		for i := range scale(1000) {
			refused(i)
		}
		s.forget()
		s.grew(before, mebibyte, "2,000 refused CONNECTs")
	})
}

// Connections over the maximum are few, short, and refused; still more are not
// even heard.
func TestHostileConnectionLimit(t *testing.T) {
	o := broker.Options{Limits: limits(t, "max_connections", "4")}
	inBubble(t, o, func(s *siege) {
		var silent []*guest
		for range 34 { // with the healthy pair
			silent = append(silent, s.knock(mqttwire.V5))
		}
		synctest.Wait()
		start := time.Now()
		for range 100 {
			s.knock(mqttwire.V5).expectEnd()
		}
		if took := time.Since(start); took > 0 {
			s.Errorf("too many connections were closed after %v", took)
		}
		silent[0].write(silent[0].bytes("CONNECT version=5 client-id=a"))
		silent[0].expect("CONNACK ServerBusy")
		s.patience = 6 * time.Second
		for _, g := range silent {
			g.expectEnd()
		}
		s.patience = time.Second
	})
}

// 5,000 sessions with random ids cost less than 10 KiB each. Under the race
// detector, which keeps books of its own, the few that are made are allowed more.
func TestHostileManySessions(t *testing.T) {
	each := int64(10 * kibibyte)
	if raceEnabled {
		each *= 3
	}
	overLoopback(t, broker.Options{}, func(s *siege) {
		n := scale(5000)
		s.forget()
		before := heap()
		for range n {
			g := s.connect("version=5 clean-start=1 client-id=" + rand.Text() + " session-expiry-interval=3600")
			g.send("DISCONNECT NormalDisconnection")
			g.Close()
		}
		s.forget()
		s.grew(before, int64(n)*each, fmt.Sprintf("%d sessions that are offline", n))
	})
	overLoopback(t, broker.Options{}, func(s *siege) {
		n := scale(2000)
		s.forget()
		before := heap()
		for range n {
			s.connect("version=5 clean-start=1 client-id=" + rand.Text() + " session-expiry-interval=3600")
		}
		s.others()
		s.grew(before, int64(n)*each, fmt.Sprintf("%d sessions that are connected", n))
	})
}

// Ended connections give their buffers back, and so do those that go on.
func TestHostileBuffersGivenBack(t *testing.T) {
	overLoopback(t, broker.Options{}, func(s *siege) {
		before := heap()
		large := raw(0x30, append([]byte{0, 1, 'a', 0}, make([]byte, mebibyte-100)...)...)
		for i := range 50 {
			g := s.connect(fmt.Sprintf("version=5 clean-start=1 client-id=half-%d", i))
			g.write(large[:len(large)-1])
			g.Close()
			g = s.connect(fmt.Sprintf("version=5 clean-start=1 client-id=unread-%d", i))
			g.send("SUBSCRIBE packet-id=1 filter=a")
			g.write(large)
			g.Close()
			g = s.connect(fmt.Sprintf("version=5 clean-start=1 client-id=idle-%d", i))
			g.write(large)
			g.send("PINGREQ")
			g.expect("PINGRESP")
		}
		s.others()
		s.grew(before, 4*mebibyte, "100 connections that ended amid packets of 1 MiB and 50 that are idle")
	})
}

// forget lets go of the test's own connections that are closed.
func (s *siege) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = []net.Conn{s.publisher.Conn, s.receiver.Conn}
}

// Topics that are as long as can be do not fill a cache with their bytes.
func TestHostileLongTopics(t *testing.T) {
	overLoopback(t, broker.Options{}, func(s *siege) {
		listener := s.connect("version=5 client-id=b")
		listener.send("SUBSCRIBE packet-id=1 filter=x/+")
		listener.expect("SUBACK GrantedQoS0")
		before := heap()
		g := s.connect("version=5 client-id=a")
		n := scale(4000)
		for i := range n {
			g.put(&mqttwire.Publish{Topic: fmt.Sprintf("%06d%s", i, strings.Repeat("x", 65000))})
		}
		g.send("PINGREQ")
		g.expect("PINGRESP")
		s.grew(before, 20*mebibyte, fmt.Sprintf("%d topics of 65 kB", n))
	})
}

// A topic with many receivers, times many such topics, does neither.
func TestHostileManyTargets(t *testing.T) {
	overLoopback(t, broker.Options{}, func(s *siege) {
		for i := range scale(1000) {
			g := s.connect(fmt.Sprintf("version=5 client-id=b-%d receive-maximum=1 maximum-packet-size=100", i))
			g.send("SUBSCRIBE packet-id=1 filter=+/+")
			g.expect("SUBACK GrantedQoS0")
		}
		before := heap()
		g := s.connect("version=5 client-id=a")
		payload := make([]byte, 200) // nobody takes it
		for i := range 2000 {
			g.put(&mqttwire.Publish{Topic: fmt.Sprintf("x/%d", i), Payload: payload})
		}
		g.send("PINGREQ")
		g.expect("PINGRESP")
		s.grew(before, 32*mebibyte, "2,000 topics")
	})
}

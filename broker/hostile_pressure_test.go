package broker_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// flood publishes n messages and waits for what answers them, at most window at
// a time being unanswered. The acknowledgements are read beside the writing.
func (g *guest) flood(topic string, qos mqttwire.QoS, n, size, window int) {
	free := make(chan struct{}, window)
	payload := make([]byte, size)
	done := make(chan bool)
	if qos > 0 {
		go func() {
			defer close(done)
			for range n {
				if p := g.next(); p == nil || p.Type() != mqttwire.PUBACK {
					g.s.Errorf("PUBACK is expected, and %v came", p)
					return
				}
				<-free
			}
		}()
	} else {
		close(done)
	}
	for i := range n {
		p := &mqttwire.Publish{Topic: topic, QoS: qos, Payload: payload}
		if qos > 0 {
			p.PacketID = mqttwire.PacketID(i%60000 + 1)
			select {
			case free <- struct{}{}:
			case <-done:
				return
			}
		}
		g.put(p)
	}
	<-done
}

// drain reads messages and acknowledges them until there were n, and counts
// them. It stops, too, when nothing comes any more.
func (g *guest) drain(n int, pause func()) (got int) {
	for got < n {
		g.SetReadDeadline(time.Now().Add(g.s.patience))
		p, err := g.r.ReadPacket()
		if err != nil {
			return got
		}
		if m, ok := p.(*mqttwire.Publish); ok {
			got++
			if m.QoS == 1 {
				g.put(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: m.PacketID})
			}
			pause()
		}
	}
	return got
}

func atOnce() {}

// A subscriber that stops reading costs a bounded number of bytes, and those who
// publish and those who read go on.
func TestHostileStoppedReader(t *testing.T) {
	for _, qos := range []mqttwire.QoS{0, 1} {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			overLoopback(t, broker.Options{}, func(s *siege) {
				n := scale(100_000)
				for i := range 3 {
					g := s.connect(fmt.Sprintf("version=5 client-id=stopped-%d session-expiry-interval=60", i))
					g.send(fmt.Sprintf("SUBSCRIBE packet-id=1 filter=flood/# qos=%d", i))
					g.next()
				}
				reader := s.connect("version=5 client-id=reader")
				reader.send("SUBSCRIBE packet-id=1 filter=flood/# qos=1")
				reader.next()
				var got int
				s.work.Go(func() { got = reader.drain(n, atOnce) })
				p := s.connect("version=5 client-id=p")
				before := heap()
				for range 10 {
					p.flood("flood/a", qos, n/10, kibibyte, 500)
					s.grew(before, 96*mebibyte, "a tenth of the flood")
					s.others()
				}
				s.work.Wait()
				if got != n && qos > 0 { // without acknowledgements nothing speaks for who gets no processor for half a second
					s.Errorf("the subscriber that reads got %d messages of %d", got, n)
				}
			})
		})
	}
}

// A subscriber that does not read holds its publisher up for half a second, once.
func TestHostileStalledReaderDelaysNobody(t *testing.T) {
	for _, qos := range []mqttwire.QoS{0, 1} {
		for _, version := range []string{"3.1.1", "5"} {
			t.Run(fmt.Sprintf("QoS %d, %s", qos, version), func(t *testing.T) {
				inBubble(t, broker.Options{}, func(s *siege) {
					const n = 5000
					stalled := s.connect("version=5 client-id=stalled session-expiry-interval=60")
					stalled.send("SUBSCRIBE packet-id=1 filter=flood/# qos=1")
					stalled.expect("SUBACK GrantedQoS1")
					reader := s.connect("version=5 client-id=reader")
					reader.send("SUBSCRIBE packet-id=1 filter=flood/# qos=1")
					reader.expect("SUBACK GrantedQoS1")
					start := time.Now()
					var delays time.Duration
					s.work.Go(func() {
						last := start
						got := reader.drain(n, func() {
							delays = max(delays, time.Since(last))
							last = time.Now()
						})
						if got != n {
							s.Errorf("the subscriber that reads got %d messages of %d", got, n)
						}
					})
					s.connect("version="+version+" clean-start=1 client-id=p").flood("flood/a", qos, n, kibibyte, 500)
					s.work.Wait()
					if took := time.Since(start); delays > 600*time.Millisecond || took > 1100*time.Millisecond {
						s.Errorf("the flood took %v, with %v between two messages", took, delays)
					}
					s.others()
				})
			})
		}
	}
}

// Many publishers to one subscriber that is slow and keeps its pace: they wait,
// and nothing is lost. So it is with a share that has nobody else.
func TestHostileFanIn(t *testing.T) {
	for _, filter := range []string{"flood/#", "$share/g/flood/#"} {
		for _, qos := range []mqttwire.QoS{0, 1} {
			for _, version := range []string{"3.1.1", "5"} {
				for _, size := range []int{60, kibibyte, 10 * kibibyte} {
					t.Run(fmt.Sprintf("%s, QoS %d, %s, %d bytes", filter, qos, version, size), func(t *testing.T) {
						fanIn(t, filter, qos, version, size)
					})
				}
			}
		}
	}
}

func fanIn(t *testing.T, filter string, qos mqttwire.QoS, version string, size int) {
	inBubble(t, broker.Options{}, func(s *siege) {
		const publishers = 10
		each := min(500, 1<<19/size)
		slow := s.connect("version=5 client-id=slow session-expiry-interval=60")
		slow.send("SUBSCRIBE packet-id=1 filter=" + filter + " qos=1")
		slow.expect("SUBACK GrantedQoS1")
		s.patience = time.Minute
		for i := range publishers {
			p := s.connect(fmt.Sprintf("version=%s clean-start=1 client-id=p-%d", version, i))
			s.work.Go(func() { p.flood("flood/a", qos, each, size, 100) })
		}
		bytes := 0
		got := slow.drain(publishers*each, func() {
			if bytes += size; bytes >= 16*kibibyte { // four times the pace
				bytes = 0
				nap(50 * time.Millisecond)
			}
		})
		if got != publishers*each {
			s.Errorf("%d messages came of %d", got, publishers*each)
		}
		s.work.Wait()
		s.patience = time.Second
	})
}

// Two clients publish to each other and do not read for a while. They may lose
// what goes beyond a queue; they may not wait for each other for ever.
func TestHostileMutualFlood(t *testing.T) {
	for _, version := range []string{"3.1.1", "5"} {
		t.Run(version, func(t *testing.T) {
			inBubble(t, broker.Options{}, func(s *siege) { mutualFlood(s, version) })
		})
		t.Run(version+", over TCP", func(t *testing.T) {
			overLoopback(t, broker.Options{}, func(s *siege) { mutualFlood(s, version) })
		})
	}
}

func mutualFlood(s *siege, version string) {
	short := s.patience
	s.patience = ample
	const n = 1000 // the broker's Receive Maximum is not less
	a := s.connect("version=" + version + " clean-start=1 client-id=a")
	b := s.connect("version=" + version + " clean-start=1 client-id=b")
	for _, g := range []*guest{a, b} {
		g.send("SUBSCRIBE packet-id=1 filter=" + map[*guest]string{a: "from/b", b: "from/a"}[g] + " qos=1")
		g.expect("SUBACK GrantedQoS1")
	}
	for _, g := range []*guest{a, b} {
		s.work.Go(func() {
			for i := range n {
				g.put(&mqttwire.Publish{Topic: map[*guest]string{a: "from/a", b: "from/b"}[g], QoS: 1,
					PacketID: mqttwire.PacketID(i + 1), Payload: make([]byte, 4*kibibyte)})
			}
			g.send("PINGREQ")
		})
	}
	s.others()
	<-time.After(time.Second)
	s.others()
	for _, g := range []*guest{a, b} {
		s.work.Go(func() {
			acknowledged, ponged := 0, false
			for acknowledged < n || !ponged {
				switch p := g.next().(type) {
				case *mqttwire.Publish:
					g.put(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: p.PacketID})
				case *mqttwire.Ack:
					acknowledged++
				case *mqttwire.Pingresp:
					ponged = true
				default:
					s.Errorf("%T came after %d acknowledgements", p, acknowledged)
					return
				}
			}
		})
	}
	s.work.Wait()
	s.patience = short
}

// Clients that all publish to all, themselves included, and read all the time:
// nobody waits for ever, and nothing is lost. Over TCP, in real time, who gets no
// processor for half a second has lost its pace: there the queues hold everything.
func TestHostileMesh(t *testing.T) {
	const clients = 6
	each := scale(3000)
	roomy := broker.Options{Limits: limits(t, "max_queued_messages", fmt.Sprint(clients*each), "max_queued_bytes", "64MiB")}
	for _, version := range []string{"3.1.1", "5"} {
		mesh := func(s *siege) {
			short := s.patience
			s.patience = ample
			var all []*guest
			for i := range clients {
				g := s.connect(fmt.Sprintf("version=%s clean-start=1 client-id=a-%d", version, i))
				g.send("SUBSCRIBE packet-id=1 filter=mesh qos=1")
				g.expect("SUBACK GrantedQoS1")
				all = append(all, g)
			}
			for _, g := range all {
				s.work.Go(func() { g.meet(each, clients*each) })
			}
			s.work.Wait()
			s.patience = short
		}
		t.Run(version, func(t *testing.T) { inBubble(t, broker.Options{}, mesh) })
		t.Run(version+", over TCP", func(t *testing.T) { overLoopback(t, roomy, mesh) })
	}
}

// meet publishes some messages, reads all of everybody's and acknowledges them.
func (g *guest) meet(publish, read int) {
	quit, free, writes := make(chan struct{}), make(chan struct{}, 200), make(chan mqttwire.Packet, 1000)
	write := func(p mqttwire.Packet) {
		select {
		case writes <- p:
		case <-quit:
		}
	}
	defer close(quit)
	g.s.work.Go(func() {
		for {
			select {
			case p := <-writes:
				g.put(p)
			case <-quit:
				return
			}
		}
	})
	g.s.work.Go(func() {
		for i := range publish {
			select {
			case free <- struct{}{}:
				write(&mqttwire.Publish{Topic: "mesh", QoS: 1, PacketID: mqttwire.PacketID(i + 1), Payload: make([]byte, 300)})
			case <-quit:
				return
			}
		}
	})
	for got, acknowledged := 0, 0; got < read || acknowledged < publish; {
		switch p := g.next().(type) {
		case *mqttwire.Publish:
			got++
			write(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: p.PacketID})
		case *mqttwire.Ack:
			acknowledged++
			<-free
		default:
			g.s.Errorf("%T came after %d messages and %d acknowledgements", p, got, acknowledged)
			return
		}
	}
}

// questions are what clients ask over and over without reading the answers.
var questions = [][]string{
	{"PINGREQ"},
	{"SUBSCRIBE packet-id=1 filter=a/b"},
	{"SUBSCRIBE packet-id=1 filter=keep/#"},
	{"SUBSCRIBE packet-id=1 filter=#", "SUBSCRIBE packet-id=1 filter=keep/#", "UNSUBSCRIBE packet-id=2 filter=#"},
	{"SUBSCRIBE packet-id=1 filter=$SYS/#"},
	{"SUBSCRIBE packet-id=1 filter=$share/a/b", "SUBSCRIBE packet-id=1 filter=$share/b/b"},
	{"UNSUBSCRIBE packet-id=1 filter=a/b"},
	{"PUBLISH topic=a qos=1 packet-id=1"},
	{"PUBLISH topic=a qos=2 packet-id=1", "PUBREL packet-id=1"},
	{"PUBREL packet-id=1"},
	{"PUBREC packet-id=1"},
	{"SUBSCRIBE packet-id=1 filter=self qos=1", "PUBLISH topic=self qos=1 packet-id=9 payload=0123456789"},
}

// Clients that ask and never read the answers are held back, and in the end
// closed; what they asked for does not pile up.
func TestHostileUnreadAnswers(t *testing.T) {
	o := broker.Options{Limits: limits(t, "connect_timeout", "1m")} // two cores have many floods to answer
	overLoopback(t, o, func(s *siege) {
		for i := range 300 {
			s.publisher.send(fmt.Sprintf("PUBLISH topic=keep/%d retain=1 payload=%0200d", i, i))
		}
		s.others()
		before, peak := heap(), int64(0)
		asked := make([]int, 2*len(questions))
		for i := range asked {
			if raceEnabled && i%5 > 0 {
				continue // answering takes so long that nothing else would be measured
			}
			version := []string{"3.1.1", "5"}[i%2]
			g := s.connect(fmt.Sprintf("version=%s clean-start=1 client-id=a-%d", version, i))
			s.work.Go(func() { asked[i] = g.insist(g.bytes(questions[i/2]...), scale(scale(64*mebibyte))) })
		}
		ended := make(chan struct{})
		go func() { s.work.Wait(); close(ended) }()
		for open := true; open; {
			select {
			case <-ended:
				open = false
			case <-time.After(50 * time.Millisecond):
			}
			peak = max(peak, heap()-before)
			s.others()
		}
		s.Logf("at most %d KiB over %d bytes of questions", peak/kibibyte, asked)
		if most := int64(len(asked)) * 5 * mebibyte; peak > most {
			s.Errorf("memory grew by %d MiB", peak/mebibyte)
		}
	})
}

// insist writes the same bytes again and again until so many went out, or the
// broker has had enough: it closes, or takes no more for longer than it waits
// for a client that keeps no pace.
func (g *guest) insist(b []byte, most int) (written int) {
	var many []byte
	for len(many) < 64*kibibyte {
		many = append(many, b...)
	}
	for written < most {
		g.SetWriteDeadline(time.Now().Add(700 * time.Millisecond))
		n, err := g.Write(many)
		written += n
		if errors.Is(err, os.ErrDeadlineExceeded) || err != nil && !errors.Is(err, io.ErrShortWrite) {
			break
		}
	}
	return written
}

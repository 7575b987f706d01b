package broker

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"mqtk/mqttwire"
)

// tapeLink remembers all that is written.
type tapeLink struct {
	conn *Conn
	tape []byte // the writer's, who is one at a time
}

func (l *tapeLink) Flush() {
	var room [8][]byte
	for pieces := l.conn.Take(room[:0]); len(pieces) > 0; {
		n := 0
		for _, piece := range pieces {
			l.tape = append(l.tape, piece...)
			n += len(piece)
		}
		pieces = l.conn.Next(n, room[:0])
	}
}

func (l *tapeLink) Resume() {}
func (l *tapeLink) Close()  {}

// While topics are published anew, a subscriber who asks for all of them over and
// over never sees an old value behind a new one, nor misses the last.
func TestRetainedNeverComeBehindTheirSuccessors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		const topics, rounds = 4, 5000
		tape := republish(t, b, topics, rounds)
		newest := make(map[string]uint32)
		brought := 0
		d := mqttwire.Decoder{Version: mqttwire.V5, From: mqttwire.Server}
		for len(tape) > 0 {
			p, n, err := d.Decode(tape)
			if err != nil || n == 0 {
				t.Fatal(err, n)
			}
			tape = tape[n:]
			m, ok := p.(*mqttwire.Publish)
			if !ok {
				continue
			}
			if m.Retain {
				brought++
			}
			value := binary.BigEndian.Uint32(m.Payload)
			if was := newest[m.Topic]; value < was {
				t.Fatalf("%s has %d behind %d, retained: %v", m.Topic, value, was, m.Retain)
			}
			newest[string([]byte(m.Topic))] = value
		}
		for topic, value := range newest {
			if value != rounds {
				t.Errorf("%s ends with %d, want %d", topic, value, rounds)
			}
		}
		if len(newest) != topics || brought < topics {
			t.Errorf("%d topics came, %d messages as retained ones", len(newest), brought)
		}
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// republish publishes each topic so many times, as retained, beside a subscriber
// that subscribes all the while, and returns what that is sent.
func republish(t *testing.T, b *Broker, topics, rounds int) []byte {
	open := func(link Link, id string) (*Conn, *Batch) {
		c, batch := b.Accept(link, b.gate, nil), b.NewBatch()
		if tape, ok := link.(*tapeLink); ok {
			tape.conn = c
		}
		c.Receive(batch, packetBytes(t, "CONNECT clean-start=1 client-id="+id))
		batch.Flush()
		return c, batch
	}
	tape := &tapeLink{}
	reader, reading := open(tape, "reader")
	writer, writing := open(deafLink{}, "writer")
	subscribe := packetBytes(t, "SUBSCRIBE packet-id=1 filter=t/#")
	reader.Receive(reading, subscribe)
	reading.Flush()
	var over atomic.Bool
	b.goroutines.Go(func() {
		defer over.Store(true)
		m := mqttwire.Publish{Retain: true, Payload: make([]byte, 4)}
		var packet []byte
		for round := 1; round <= rounds; round++ {
			binary.BigEndian.PutUint32(m.Payload, uint32(round))
			for i := range topics {
				m.Topic = fmt.Sprint("t/", i)
				packet, _ = m.Append(packet[:0], mqttwire.V5)
				for writer.Receive(writing, packet) == 0 { // paused until the reader has room
					writing.Flush()
					runtime.Gosched()
				}
				writing.Flush()
			}
		}
	})
	for !over.Load() {
		reader.Receive(reading, subscribe)
		reading.Flush()
	}
	synctest.Wait()
	reader.Closed(nil)
	writer.Closed(nil)
	return tape.tape
}

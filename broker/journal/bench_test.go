package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"mqtk/broker"
)

// The bars, on two shared cores: raw (the journal's speed as a part of the bare
// file's) 0.8 at n=1, 0.75 at 256, 0.7 at 1024 or what waking leaves of it
// (BenchmarkCommit, bound); bytes 4,500 at n=1, 384 from 256 on, 640 for what is
// overwritten; a reopening 1.5 s and 250 MB. When one trips, see whether a
// commit is still one write and one sync, and what a frame holds.

// BenchmarkAcknowledged has n publishers of messages of 256 bytes to a session
// that is away; each waits for the disk before its next message, in turn with a
// thread that writes as many records of as many bytes at once and syncs. Each
// message ends, 10 x n messages later, in the frame of another, and that counts as
// its bytes too. Waking n goroutines is most of what is missing: see bound in
// BenchmarkCommit.
func BenchmarkAcknowledged(b *testing.B) {
	for _, n := range []int{1, 256, 1024} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			p := startPublishers(b, n)
			defer p.stop()
			f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			var raw, ours time.Duration
			b.ResetTimer()
			done := 0
			for done < b.N {
				rounds := min(64, (b.N-done+n-1)/n)
				raw += appendRaw(b, f, n, rounds)
				ours += p.run(rounds)
				done += n * rounds
			}
			m := p.j.Measure()
			b.ReportMetric(float64(ours.Nanoseconds())/float64(done), "ns/message")
			b.ReportMetric(float64(raw)/float64(ours), "raw")
			b.ReportMetric(float64(m.BytesWritten-p.before)/float64(done), "B/message")
			b.ReportMetric(float64(done)/float64(max(m.Commits, 1)), "messages/commit")
		})
	}
}

// publishers are n threads that publish to one session.
type publishers struct {
	crowd
	j      *Journal
	before int64 // bytes
}

func openBench(b *testing.B) *Journal {
	b.Helper()
	j, err := Open(Options{Dir: filepath.Join(b.TempDir(), "journal")})
	if err != nil {
		b.Fatal(err)
	}
	if err := j.Replay(func(*broker.Event) error { return nil }); err != nil {
		b.Fatal(err)
	}
	return j
}

func startPublishers(b *testing.B, n int) *publishers {
	p := &publishers{j: openBench(b)}
	p.before = p.j.Measure().BytesWritten
	var mu sync.Mutex
	var sequence uint64
	for range n {
		begin := make(chan int, 1)
		p.begin = append(p.begin, begin)
		p.all.Go(func() {
			durable := make(chan error, 1)
			call := func(err error) { durable <- err }
			m := &broker.Message{Topic: "sensors/kitchen/hob", Payload: bytes.Repeat([]byte("x"), 256), QoS: 1, From: "publisher",
				Owner: &broker.Identity{ClientID: "publisher"}, Arrived: time.Now()}
			events := make([]broker.Event, 2)
			for rounds := range begin {
				for range rounds {
					mu.Lock()
					sequence++
					number := sequence
					mu.Unlock()
					events[0] = broker.Event{Kind: broker.EventEnqueue, ClientID: "c", Incarnation: 1, Sequence: number, Message: m, QoS: 1}
					frame := events[:1]
					if gone := int64(number) - 10*int64(n); gone > 0 {
						events[1] = broker.Event{Kind: broker.EventDequeue, ClientID: "c", Incarnation: 1, Sequence: uint64(gone)}
						frame = events
					}
					if err := p.j.Append(frame, call); err != nil {
						b.Error(err)
					}
					if err := <-durable; err != nil {
						b.Error(err)
					}
				}
				p.round.Done()
			}
		})
	}
	return p
}

func (p *publishers) stop() {
	p.crowd.stop()
	p.j.Close()
}

// BenchmarkOverwrite replaces 10,000 retained messages of 256 bytes over and over;
// cleaning counts.
func BenchmarkOverwrite(b *testing.B) {
	j := openBench(b)
	defer j.Close()
	const topics = 10_000
	durable := make(chan error, 1)
	version, payload := uint64(0), bytes.Repeat([]byte("x"), 256)
	for b.Loop() {
		version++
		topic := fmt.Sprintf("sensors/%07d/hob", version%topics)
		m := &broker.Message{Topic: topic, Payload: payload, QoS: 1, Retain: true, From: "publisher",
			Owner: &broker.Identity{ClientID: "publisher"}, Arrived: time.Now()}
		e := broker.Event{Kind: broker.EventRetain, Topic: topic, Sequence: version, Message: m}
		if version > topics {
			e.Replaces = version - topics
		}
		var call func(error)
		if version%256 == 0 {
			call = func(err error) { durable <- err }
		}
		if err := j.Append([]broker.Event{e}, call); err != nil {
			b.Fatal(err)
		}
		if call != nil {
			if err := <-durable; err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(j.Measure().BytesWritten)/float64(version), "B/message")
}

// BenchmarkReopen opens a journal of a million queued and a million retained
// messages, and says what the whole process then has in memory.
func BenchmarkReopen(b *testing.B) {
	directory := b.TempDir()
	fillMillions(b, directory, 1_000_000)
	debug.FreeOSMemory()
	resident := residentMemory()
	for b.Loop() {
		begun := time.Now()
		j, err := Open(Options{Dir: directory})
		if err == nil {
			err = j.Replay(func(*broker.Event) error { return nil })
		}
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(begun).Seconds()*1000, "ms/reopening")
		b.ReportMetric(residentMemory()-resident, "MB-resident")
		j.Close()
	}
}

// residentMemory is what the system says, in MB; 0 where it does not.
func residentMemory() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes float64
	fmt.Sscan(rest, &kilobytes)
	return kilobytes / 1024
}

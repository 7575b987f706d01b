package journal

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mqtk/broker"
)

// scene is a directory with a history in it, and the history.
func scene(t *testing.T, seed uint64, steps int) (string, *history) {
	t.Helper()
	h, dir := newHistory(seed), filepath.Join(t.TempDir(), "journal")
	j := openTest(t, dir, 4096)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	for range steps {
		if events := h.next(false); len(events) > 0 {
			appendTest(t, j, events...)
		}
	}
	closeTest(t, j)
	return dir, h
}

// viewedFacts are those of the records that a view calls live.
func viewedFacts(t *testing.T, v *Viewer) map[string]string {
	t.Helper()
	facts := map[string]string{}
	put := func(value string, words ...any) {
		key := strings.TrimSuffix(fmt.Sprintln(words...), "\n")
		facts[key] += value
	}
	err := v.Records(func(r *Record) error {
		e := r.Event
		n := e.Incarnation
		if !r.Live {
			return nil
		}
		switch e.Kind {
		case broker.EventRetain:
			put(string(e.Message.Payload), "retained", e.Topic)
		case broker.EventSession:
			put(fmt.Sprint(e.ClientID, " ", e.SessionExpiry), "session", n)
		case broker.EventSubscribe:
			put(fmt.Sprint(e.Identifier, e.Subscription.QoS), "filter", n, e.Subscription.Filter)
		case broker.EventHeld:
			put("", "held", n, e.PacketID)
		case broker.EventWill:
			put(string(e.Message.Payload), "will", n)
		case broker.EventEnqueue:
			put(string(e.Message.Payload), "queue", n, e.Sequence)
			if e.PacketID != 0 {
				put(fmt.Sprint(" sent ", e.PacketID), "queue", n, e.Sequence)
			}
		case broker.EventInflight:
			put(fmt.Sprint(" sent ", e.PacketID), "queue", n, e.Sequence)
		case broker.EventReleased:
			put(fmt.Sprint("released ", e.PacketID), "queue", n, e.Sequence)
		default:
			t.Errorf("kind %d is live", e.Kind)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// TestView: what a view calls live is what is true, and it counts the same.
func TestView(t *testing.T) {
	for seed := range uint64(6) {
		dir, h := scene(t, seed, 1200)
		v, err := View(dir)
		if err != nil {
			t.Fatal(err)
		}
		if d := v.Verify(); len(d) > 0 {
			t.Fatalf("damages of a good journal: %+v", d)
		}
		s := v.Statistics()
		words := map[string]int{}
		for fact, value := range h.facts {
			word := strings.Fields(fact)[0]
			if word == "queue" && (strings.Contains(value, " sent ") || strings.HasPrefix(value, "released ")) {
				word = "inflight"
			}
			words[word]++
		}
		found := map[string]int{"session": s.Sessions, "filter": s.Subscriptions, "queue": s.Queued, "inflight": s.Inflight, "held": s.Held, "will": s.Wills, "retained": s.Retained}
		if !maps.Equal(words, found) {
			t.Errorf("seed %d: counts %v instead of %v", seed, found, words)
		}
		live, records, bytes := 0, 0, int64(0)
		for _, seg := range v.Segments() {
			live, records, bytes = live+seg.Live, records+seg.Records, bytes+seg.Bytes
			if seg.LastFrame < seg.FirstFrame || seg.Frames == 0 && seg.Records > 0 || seg.LiveBytes > seg.Bytes {
				t.Errorf("%+v", seg)
			}
		}
		if live != s.Live || records != s.Records || bytes != s.DiskBytes || records == 0 {
			t.Errorf("the segments have %d live of %d in %d bytes, all together %+v", live, records, bytes, s)
		}
		compareFacts(t, withoutOrder(viewedFacts(t, v)), withoutOrder(h.facts), fmt.Sprint("seed ", seed))
	}
}

// withoutOrder makes one of the orders in which the records of a delivery stand.
func withoutOrder(facts map[string]string) map[string]string {
	sorted := map[string]string{}
	for key, value := range facts {
		letters := strings.Split(value, "")
		counts := map[string]int{}
		for _, l := range letters {
			counts[l]++
		}
		sorted[key] = fmt.Sprint(counts)
	}
	return sorted
}

// TestViewBeside: a view needs no lock and disturbs nobody, however much is
// written and cleaned meanwhile.
func TestViewBeside(t *testing.T) {
	dir, h := scene(t, 3, 300)
	j := openTest(t, dir, 4096)
	defer closeTest(t, j)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		for range 100 {
			if events := h.next(false); len(events) > 0 {
				appendTest(t, j, events...)
			}
		}
		v, err := View(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range v.Verify() {
			if !d.Torn {
				t.Fatalf("a journal that is being written is damaged: %+v", d)
			}
		}
	}
	settle(t, j)
	v, err := View(dir)
	if err != nil {
		t.Fatal(err)
	}
	compareFacts(t, withoutOrder(viewedFacts(t, v)), withoutOrder(h.facts), "beside")
}

// TestSalvage: damage anywhere refuses to open, is found where it is, and costs
// what stood there; the copy opens.
func TestSalvage(t *testing.T) {
	for seed := range uint64(8) {
		dir, h := scene(t, seed, 900)
		files, err := filepath.Glob(filepath.Join(dir, "*.*"))
		if err != nil || len(files) < 3 {
			t.Fatal(files, err)
		}
		name := files[1+h.IntN(len(files)-2)]
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := headerSize + h.IntN(len(data)/2)
		for i := range 5 {
			data[at+i] ^= 0x55
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := View(dir)
		if err != nil {
			t.Fatal(err)
		}
		found := v.Verify()
		if len(found) != 1 || found[0].Torn || found[0].File != filepath.Base(name) || found[0].Offset > int64(at) || found[0].Offset+found[0].bytes < int64(at) {
			t.Fatalf("seed %d: damage at %d of %s; found %+v", seed, at, name, found)
		}
		out := filepath.Join(t.TempDir(), "copy")
		report, err := Salvage(dir, out)
		if err != nil || len(report.Lost) == 0 || report.LostBytes == 0 || report.LostBytes > 8192 || len(report.Damages) != 1 || report.Frames == 0 {
			t.Fatalf("seed %d: %+v, %v", seed, report, err)
		}
		if _, err := Salvage(dir, out); err == nil {
			t.Fatal("a copy over a copy")
		}
		j := openTest(t, out, 4096)
		facts, err := replayedFacts(j)
		if err != nil {
			t.Fatalf("seed %d: the copy: %v", seed, err)
		}
		closeTest(t, j)
		same := 0
		for fact, value := range facts {
			same += count(h.facts[fact] == value)
		}
		if lost := len(h.facts) - same; lost > len(h.facts)/2 {
			t.Errorf("seed %d: %d of %d facts are lost", seed, lost, len(h.facts))
		}
	}
}

// TestSalvageWhole: a copy of what is not damaged is the same.
func TestSalvageWhole(t *testing.T) {
	dir, h := scene(t, 5, 1000)
	out := filepath.Join(t.TempDir(), "copy")
	report, err := Salvage(dir, out)
	if err != nil || len(report.Lost) > 0 || report.LostBytes > 0 || len(report.Damages) > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	v, err := View(out)
	if err != nil || v.Statistics().Records != report.Records {
		t.Fatalf("%+v, %v", report, err)
	}
	j := openTest(t, out, 4096)
	defer closeTest(t, j)
	facts, err := replayedFacts(j)
	if err != nil {
		t.Fatal(err)
	}
	compareFacts(t, facts, h.facts, "the copy")
	for range 500 {
		if events := h.next(true); len(events) > 0 {
			appendTest(t, j, events...)
		}
	}
	settle(t, j)
	compareIndex(t, j, h.facts)
}

// TestViewRefuses what is no journal.
func TestViewRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := View(dir); err == nil {
		t.Error("an empty directory is a journal")
	}
	if _, err := View(filepath.Join(dir, "nothing")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

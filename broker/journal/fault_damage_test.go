package journal

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
)

// contents is what a disk holds, by name.
type contents map[string][]byte

func (d *faultyDisk) contents() contents {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := contents{}
	for name, n := range d.names {
		c[name] = bytes.Clone(n.data)
	}
	return c
}

func (c contents) disk() *faultyDisk {
	d := newFaultyDisk(0)
	for name, data := range c {
		n := &inode{data: bytes.Clone(data), base: bytes.Clone(data)}
		d.names[name], d.durable[name] = n, n
	}
	return d
}

// segments lists the files that hold frames.
func (c contents) segments() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c)), func(name string) bool {
		return !strings.HasSuffix(name, ".young") && !strings.HasSuffix(name, ".old")
	})
}

// last is the newest segment of a generation, empty if there is none.
func (c contents) last(g generation) string {
	all := c.segments()
	all = slices.DeleteFunc(all, func(name string) bool { return !strings.HasSuffix(name, "."+g.String()) })
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// lastMark is where the last commit of a generation begins.
func (c contents) lastMark(t *testing.T, g generation) int64 {
	t.Helper()
	data, at := c[c.last(g)], int64(headerSize)
	h, err := readHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := walkFrames(h, data, func(f frame) error {
		if f.kind != frameEvents {
			at = f.offset
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return at
}

// writtenJournal is a journal with several segments of both generations, what it says,
// and what it said before its last commit.
func writtenJournal(t *testing.T, closed bool) (c contents, whole, before picture) {
	t.Helper()
	traffic, d := newTraffic(5), newFaultyDisk(5)
	j, err := openIn(Options{SegmentSize: 2 << 10}, d)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, _, err := reopened(j); err != nil {
		t.Fatal(err)
	}
	for range 700 {
		before = traffic.mind.picture(0)
		events := traffic.next()
		traffic.mind.apply(events)
		if err := j.Append(events, func(error) {}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
	time.Sleep(time.Second)
	if closed {
		j.Close()
	}
	c = d.contents()
	if n := len(c.segments()); n < 8 {
		t.Fatalf("only %d segments: %v", n, c.segments())
	}
	return c, traffic.mind.picture(0), before
}

// show opens what is there.
func (c contents) show() (picture, error) {
	j, err := openIn(Options{SegmentSize: 2 << 10}, c.disk())
	if err != nil {
		return nil, err
	}
	defer j.Close()
	p, _, err := reopened(j)
	return p, err
}

// TestDamage flips bits in a journal, cuts files and mixes them up. Nothing of
// it may pass for a torn tail, but in the last commit: nothing vouches for that.
func TestDamage(t *testing.T) {
	for name, closed := range map[string]bool{"closed": true, "killed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, whole, _ := writtenJournal(t, closed)
				if p, err := c.show(); err != nil || !maps.Equal(p, whole) {
					t.Fatal("without damage: ", err, whole.difference(p, "expected", "found"))
				}
				random := rand.New(rand.NewPCG(6, 6))
				for range inRace(150, 1500) {
					flipOne(t, c, random)
				}
				mixUp(t, c)
			})
		})
	}
}

func flipOne(t *testing.T, c contents, random *rand.Rand) {
	t.Helper()
	all := c.segments()
	name := all[random.IntN(len(all))]
	at := random.Int64N(int64(len(c[name])))
	damaged := maps.Clone(c)
	damaged[name] = bytes.Clone(c[name])
	damaged[name][at] ^= 1 << random.IntN(8)
	_, err := damaged.show()
	for _, g := range []generation{young, old} {
		if name == c.last(g) && at >= c.lastMark(t, g) {
			return // cut, or refused: not to panic is all that is asked
		}
	}
	isDamage(t, err, name, at)
}

// isDamage wants the error that tells of damage in a file, at or before an offset.
func isDamage(t *testing.T, err error, name string, at int64) {
	t.Helper()
	var damage *DamageError
	switch {
	case !errors.As(err, &damage):
		t.Errorf("%s, offset %d: %v", name, at, err)
	case path.Base(damage.File) != name || damage.Offset > at:
		t.Errorf("%s, offset %d: told as %v", name, at, err)
	case !strings.Contains(err.Error(), name):
		t.Errorf("%s, offset %d: the error does not name the file: %v", name, at, err)
	}
}

func mixUp(t *testing.T, c contents) {
	t.Helper()
	all := c.segments()
	refused := func(what string, change func(c contents)) {
		d := maps.Clone(c)
		change(d)
		var damage *DamageError
		if _, err := d.show(); !errors.As(err, &damage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	inner := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return name == c.last(young) || name == c.last(old) })
	refused("a segment is missing", func(c contents) { delete(c, inner[len(inner)-1]) })
	refused("a segment is empty", func(c contents) { c[inner[1]] = nil })
	refused("a segment is cut", func(c contents) { c[inner[1]] = c[inner[1]][:len(c[inner[1]])-40] })
	refused("a segment is cut between frames", func(c contents) { c[inner[1]] = c[inner[1]][:headerSize] })
	refused("a segment is zeros", func(c contents) { c[inner[1]] = make([]byte, len(c[inner[1]])) })
	refused("a segment goes on", func(c contents) { c[inner[1]] = append(bytes.Clone(c[inner[1]]), 1, 2, 3) })
	refused("two segments are each other", func(c contents) { c[inner[0]], c[inner[1]] = c[inner[1]], c[inner[0]] })
}

// TestTornTail cuts the last segment anywhere in its last commit, and fills the
// rest with zeros or anything: what was before is there, and the rest is gone.
func TestTornTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, before := writtenJournal(t, false)
		random, name, from := rand.New(rand.NewPCG(7, 7)), c.last(young), c.lastMark(t, young)
		for at := from; at < int64(len(c[name])); at += inRace[int64](7, 1) {
			for _, tail := range [][]byte{nil, make([]byte, 700), junk(random, 700)} {
				torn := maps.Clone(c)
				torn[name] = append(bytes.Clone(c[name][:at]), tail...)
				d := torn.disk()
				if err := cutAndGoOn(d, before); err != nil {
					t.Fatalf("cut at %d, %d bytes follow: %v", at, len(tail), err)
				}
			}
		}
	})
}

// cutAndGoOn opens a torn journal, appends to it, and opens it again.
func cutAndGoOn(d *faultyDisk, want picture) error {
	for again := range 2 {
		j, err := openIn(Options{SegmentSize: 2 << 10}, d)
		if err != nil {
			return err
		}
		p, told, err := reopened(j)
		if err == nil && again == 0 {
			err = j.Append([]broker.Event{{Kind: broker.EventSessionEnd, Incarnation: told.incarnation + 1}}, nil)
		}
		if err == nil && !maps.Equal(want, p) {
			err = errors.New(strings.Join(want.difference(p, "expected", "found"), "\n"))
		}
		if err := errors.Join(err, j.Close()); err != nil {
			return err
		}
	}
	return nil
}

// TestClockGoesBack opens a journal on a machine whose clock stands where it
// stood when the journal was made: all ends are as far away as they were.
func TestClockGoesBack(t *testing.T) {
	var c contents
	var life *traffic
	var apart time.Duration
	begun := time.Time{}
	synctest.Test(t, func(t *testing.T) {
		begun = time.Now()
		life = newTraffic(9)
		d := newFaultyDisk(9)
		j, err := openIn(Options{SegmentSize: 2 << 10}, d)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		if _, _, err := reopened(j); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			time.Sleep(time.Hour)
			events := life.next()
			life.mind.apply(events)
			if err := j.Append(events, func(error) {}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		c, apart = d.contents(), time.Since(begun)
	})
	for range 2 { // the second time nothing has changed: the clock stood still meanwhile
		synctest.Test(t, func(t *testing.T) {
			d := c.disk()
			j, err := openIn(Options{SegmentSize: 2 << 10}, d)
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			p, _, err := reopened(j)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range life.mind.picture(apart).difference(p, "expected", "found") {
				t.Error(line)
			}
			if err := j.Append([]broker.Event{{Kind: broker.EventSessionEnd, Incarnation: 1 << 40}}, func(error) {}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			c = d.contents()
		})
	}
}

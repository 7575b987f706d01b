package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"mqtk/broker"
)

// An oracle keeps the same state in a database that others wrote: bbolt, a
// B-tree with a row for each fact. It is changed row by row and never replayed,
// and so errs in other ways than a log does.
type oracle struct{ db *bbolt.DB }

var (
	rowsBucket     = []byte("rows")
	retainedBucket = []byte("retained")
)

func openOracle(t *testing.T, name string) *oracle {
	t.Helper()
	db, err := bbolt.Open(name, 0o600, &bbolt.Options{NoSync: true, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err1 := tx.CreateBucketIfNotExists(rowsBucket)
		_, err2 := tx.CreateBucketIfNotExists(retainedBucket)
		return errors.Join(err1, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	return &oracle{db}
}

// Rows of a session are named by its incarnation, one of these and a number or a filter.
const (
	rowDelivery = 'D' // flags, packet id, text of the message
	rowEnded    = 'E'
	rowFilter   = 'F'
	rowHeld     = 'H'
	rowSession  = 'S'
	rowWill     = 'W'
)

// Flags of a delivery.
const (
	flagDequeued = 1 << iota
	flagInflight
	flagReleased
)

func rowKey(incarnation uint64, row byte, rest []byte) []byte {
	return append(append(numberKey(incarnation), row), rest...)
}

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// put stores events in one transaction.
func (o *oracle) put(events []broker.Event) error {
	return o.db.Update(func(tx *bbolt.Tx) error {
		for i := range events {
			if err := putRow(tx, &events[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func putRow(tx *bbolt.Tx, e *broker.Event) error {
	rows := tx.Bucket(rowsBucket)
	key := func(row byte, rest []byte) []byte { return rowKey(e.Incarnation, row, rest) }
	if e.Kind != broker.EventRetain && rows.Get(key(rowEnded, nil)) != nil {
		return nil
	}
	text := "" // a removal
	switch e.Kind {
	case broker.EventRetain:
		if e.Message != nil {
			text = messageText(e.Message, 0) + fmt.Sprintf(" version=%d", e.Sequence)
		}
		return putNewer(tx.Bucket(retainedBucket), []byte(e.Topic), e.Sequence, text)
	case broker.EventSessionEnd:
		return endRows(rows, e.Incarnation)
	case broker.EventSession:
		return putNewer(rows, key(rowSession, nil), e.Sequence, sessionText(e, 0))
	case broker.EventWill:
		if e.Message != nil {
			text = willText(e, 0)
		}
		return putNewer(rows, key(rowWill, nil), e.Sequence, text)
	case broker.EventSubscribe, broker.EventUnsubscribe:
		if e.Kind == broker.EventSubscribe {
			text = filterText(e)
		}
		return putNewer(rows, key(rowFilter, []byte(e.Subscription.Filter)), e.Sequence, text)
	case broker.EventHeld, broker.EventForgotten:
		if e.Kind == broker.EventHeld {
			text = "held"
		}
		return putNewer(rows, key(rowHeld, numberKey(uint64(e.PacketID))), e.Sequence, text)
	}
	return putDelivery(rows, e)
}

// putNewer writes a row unless a higher number did.
func putNewer(b *bbolt.Bucket, key []byte, sequence uint64, text string) error {
	if old := b.Get(key); old != nil && binary.BigEndian.Uint64(old) > sequence {
		return nil
	}
	return b.Put(key, append(numberKey(sequence), text...))
}

func endRows(rows *bbolt.Bucket, incarnation uint64) error {
	prefix, c := numberKey(incarnation), rows.Cursor()
	var keys [][]byte
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	for _, k := range keys {
		if err := rows.Delete(k); err != nil {
			return err
		}
	}
	return rows.Put(rowKey(incarnation, rowEnded, nil), []byte{})
}

func putDelivery(rows *bbolt.Bucket, e *broker.Event) error {
	key := rowKey(e.Incarnation, rowDelivery, numberKey(e.Sequence))
	row := bytes.Clone(rows.Get(key))
	if row == nil {
		row = []byte{0, 0, 0}
	}
	switch e.Kind {
	case broker.EventEnqueue:
		row = append(row[:3], enqueueText(e, 0)...)
	case broker.EventDequeue:
		row[0] |= flagDequeued
	case broker.EventInflight, broker.EventReleased:
		row[0] |= flagInflight
		if e.Kind == broker.EventReleased {
			row[0] |= flagReleased
		}
		binary.BigEndian.PutUint16(row[1:], uint16(e.PacketID))
	}
	return rows.Put(key, row)
}

// picture reads everything back.
func (o *oracle) picture() (picture, error) {
	p := picture{}
	err := o.db.View(func(tx *bbolt.Tx) error {
		err := tx.Bucket(retainedBucket).ForEach(func(k, v []byte) error {
			if len(v) > 8 {
				p["retained "+string(k)] = string(v[8:])
			}
			return nil
		})
		c := tx.Bucket(rowsBucket).Cursor()
		taken := map[string]bool{} // packet ids, by what was read before: higher numbers
		for k, v := c.Last(); k != nil; k, v = c.Prev() {
			p.row(taken, k, v)
		}
		return err
	})
	return p, err
}

// row adds what a row says.
func (p picture) row(taken map[string]bool, k, v []byte) {
	incarnation := binary.BigEndian.Uint64(k)
	name, rest := fmt.Sprintf("session %d ", incarnation), k[9:]
	switch row := k[8]; {
	case row == rowDelivery:
		p.delivery(taken, incarnation, binary.BigEndian.Uint64(rest), v)
	case row == rowEnded || len(v) == 8: // no more
	case row == rowSession:
		p[name] = string(v[8:])
	case row == rowWill:
		p[name+"will"] = string(v[8:])
	case row == rowFilter:
		p[name+"filter "+string(rest)] = string(v[8:])
	case row == rowHeld:
		p[fmt.Sprintf("%sheld %d", name, binary.BigEndian.Uint64(rest))] = ""
	}
}

func (p picture) delivery(taken map[string]bool, incarnation, sequence uint64, v []byte) {
	flags, id := v[0], binary.BigEndian.Uint16(v[1:])
	key := fmt.Sprintf("session %d delivery %d", incarnation, sequence)
	if flags&flagDequeued == 0 && flags&flagInflight != 0 {
		window := fmt.Sprint(incarnation, id)
		if taken[window] {
			return
		}
		taken[window] = true
	}
	switch {
	case flags&flagDequeued != 0:
		return
	case flags&flagReleased != 0:
		p[key] = fmt.Sprintf("released %d", id)
		return
	case len(v) == 3:
		return
	case flags&flagInflight != 0:
		p[key] = fmt.Sprintf("inflight %d", id)
	default:
		p[key] = "queued"
	}
	p[fmt.Sprintf("session %d message %d", incarnation, sequence)] = string(v[3:])
}

// TestOracle appends the same to a journal and to bbolt, on the disk of this
// machine, and compares them each time that the journal is opened anew.
func TestOracle(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			directory := t.TempDir()
			o := openOracle(t, filepath.Join(directory, "bbolt"))
			traffic, random := newTraffic(seed), rand.New(rand.NewPCG(seed, 3))
			for range 5 {
				compareWithOracle(t, o, traffic, random, filepath.Join(directory, "journal"))
			}
		})
	}
}

func compareWithOracle(t *testing.T, o *oracle, traffic *traffic, random *rand.Rand, directory string) {
	t.Helper()
	j, err := Open(Options{Dir: directory, SegmentSize: 8 << 10, Durability: OS})
	if err != nil {
		t.Fatal(err)
	}
	want, err1 := o.picture()
	got, _, err2 := reopened(j)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for _, line := range want.difference(got, "in bbolt", "in the journal") {
		t.Error(line)
	}
	var late []broker.Event // an Append of another thread that comes later
	put := func(events []broker.Event) {
		if err := errors.Join(j.Append(events, nil), o.put(events)); err != nil {
			t.Fatal(err)
		}
	}
	for range inRace(150, 1000) {
		events := traffic.next()
		traffic.mind.apply(events)
		if follows(events, late) {
			put(late)
			late = nil
		}
		if late == nil && random.IntN(4) == 0 {
			late = events
			continue
		}
		put(events)
		put(late)
		late = nil
	}
	put(late)
	if err := j.Close(); err != nil || t.Failed() {
		t.Fatal("closed: ", err)
	}
}

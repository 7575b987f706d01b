package journal

import (
	"errors"

	"mqtk/broker"
)

// Fetch reads deliveries back from the disk.
func (j *Journal) Fetch(incarnation uint64, sequences []uint64) ([]broker.Event, error) {
	messages, _ := j.readers.Get().(*messageReader)
	if messages == nil {
		messages = newMessageReader(j.shift)
	}
	defer j.readers.Put(messages)
	f := &fetch{j: j, incarnation: incarnation, events: make([]broker.Event, len(sequences)), messages: messages}
	wanted := make([]int, len(sequences))
	for i := range sequences {
		wanted[i] = i
	}
	const tries = 8 // cleaning moves what it finds, and is slower than we are
	for range tries {
		if err := f.locate(wanted, sequences); err != nil {
			return nil, err
		}
		if err := j.log.readAll(f.places, f.got); err != nil {
			return nil, err
		}
		if wanted = f.moved; len(wanted) == 0 {
			break
		}
	}
	if len(wanted) > 0 {
		return nil, errMoved
	}
	found := f.events[:0]
	for _, e := range f.events {
		if e.Message != nil {
			e.ClientID = f.clientID
			found = append(found, e)
		}
	}
	return found, nil
}

// A fetch is a Fetch under way.
type fetch struct {
	j           *Journal
	incarnation uint64
	clientID    string
	messages    *messageReader
	events      []broker.Event // by index in what was asked for
	places      []place
	numbers     []uint64 // of the deliveries at them
	index       []int    // in events
	moved       []int
	parser      parser
}

// locate looks up where the wanted ones stand now.
func (f *fetch) locate(wanted []int, sequences []uint64) error {
	f.places, f.numbers, f.index, f.moved = f.places[:0], f.numbers[:0], f.index[:0], nil
	f.j.log.mu.Lock()
	defer f.j.log.mu.Unlock()
	if f.j.stage != replayed {
		return f.j.stage.err()
	}
	s := f.j.index.sessions[f.incarnation]
	if s == nil {
		return nil
	}
	f.clientID = s.clientID
	for _, i := range wanted {
		if at := s.queue.get(sequences[i]); at != 0 {
			f.places, f.numbers, f.index = append(f.places, at), append(f.numbers, sequences[i]), append(f.index, i)
		}
	}
	return nil
}

// got takes one frame.
func (f *fetch) got(i int, payload []byte, err error) error {
	if errors.Is(err, errMoved) {
		f.moved = append(f.moved, f.index[i])
		return nil
	}
	if err != nil {
		return err
	}
	p := &f.parser
	for p.parse(payload); ; {
		more, err := p.event()
		if err != nil {
			return err
		}
		if !more {
			return errRecord
		}
		if r := &p.record; r.kind == recordEnqueue && r.sequence == f.numbers[i] && r.incarnation == f.incarnation {
			e := &f.events[f.index[i]]
			r.read(e, f.j.shift)
			e.PacketID = 0
			e.Message, err = f.messages.kept(p.message)
			return err
		}
	}
}

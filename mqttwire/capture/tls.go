package capture

import (
	"encoding/binary"
	"fmt"
)

// A decrypter takes the plain bytes out of an encrypted connection. It is fed
// both directions, in the order in which they were seen. An error is said
// once; what comes after it gives nothing.
type decrypter interface {
	feed(fromServer bool, b []byte) (plain []byte, err error)
	// skip tells that n bytes of one side were not seen; 0: nobody knows how
	// many. Records after them are found again where the keys allow it.
	skip(fromServer bool, n int)
}

func newDecrypter(keys *KeyLog) decrypter {
	t := &tlsConnection{keys: keys}
	t.client = tlsSide{name: "client", effort: maxRecord}
	t.server = tlsSide{name: "server", effort: maxRecord, fromServer: true}
	return t
}

// A tlsConnection is one connection of TLS 1.0 to 1.3 whose secrets a key log
// tells. It follows the hand-shake as far as keys depend on it, and judges
// nothing else.
type tlsConnection struct {
	keys           *KeyLog
	client, server tlsSide

	// From the hellos; a renegotiation begins anew.
	hello        bool
	random       [32]byte // of the client, by which the key log names secrets
	serverRandom [32]byte
	serverName   string
	offered      []uint16 // the suites of the client
	early        bool     // the client announced early data
	version      uint16   // 0 before the server's hello
	suite        tlsSuite
	etm          bool // encrypt then MAC, RFC 7366
	session      tlsSession
}

// A tlsSide is one direction.
type tlsSide struct {
	name       string
	fromServer bool
	tail       []byte // what is no whole record yet
	at         int64  // the offset of the tail in the direction
	seen       bool   // a record, so this is TLS
	dead       bool   // an error was said
	lost       int    // since a gap: at most so many records were in it; 0: in step
	effort     int    // bytes that may be decrypted in vain to get back in step

	messages tlsMessages
	phase    tlsPhase
	opener   recordOpener // nil: its keys were not needed yet
	sequence uint64       // of the next record
	secret   []byte       // 1.3: the traffic secret of opener
}

// A tlsPhase is which keys a side uses.
type tlsPhase byte

const (
	phaseClear       tlsPhase = iota
	phaseEarly                // 1.3, the client alone
	phaseHandshake            // 1.3
	phaseApplication          // 1.3
	phaseLegacy               // 1.0 to 1.2, from ChangeCipherSpec on
)

// Types of records.
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplicationData  = 23
	recordHeartbeat        = 24
)

const (
	recordHeader = 5
	maxRecord    = 1<<14 + 2048 // the body of an encrypted one, before 1.3
	minRecord    = 17           // the body of one of 1.3 that says nothing
	maxWaiting   = 1 << 20      // bytes that wait for keys
)

func (t *tlsConnection) side(fromServer bool) *tlsSide {
	if fromServer {
		return &t.server
	}
	return &t.client
}

func (t *tlsConnection) feed(fromServer bool, b []byte) ([]byte, error) {
	s := t.side(fromServer)
	if s.dead {
		return nil, nil
	}
	s.tail = append(s.tail, b...)
	s.effort = min(s.effort+64*len(b), 64<<20)
	plain, rest, err := t.records(s)
	if used := len(s.tail) - len(rest); used > 0 {
		s.at += int64(used)
		s.tail = append(s.tail[:0], rest...)
	}
	if err != nil {
		s.dead, s.tail = true, nil
		if _, missing := err.(*keysMissing); missing {
			t.client.dead, t.server.dead = true, true // said once for both
		}
	}
	return plain, err
}

// records opens the whole records of the tail and returns what they leave.
func (t *tlsConnection) records(s *tlsSide) (plain, rest []byte, err error) {
	rest = s.tail
	for {
		if s.lost > 0 {
			if rest, err = t.resync(s, rest); err != nil || s.lost > 0 {
				return plain, rest, t.patience(err, rest)
			}
		}
		if len(rest) < recordHeader {
			return plain, rest, nil
		}
		n := int(binary.BigEndian.Uint16(rest[3:]))
		if kind := rest[0]; kind < recordChangeCipherSpec || kind > recordHeartbeat || rest[1] != 3 || n > maxRecord {
			return plain, rest, s.noRecord(s.at + int64(len(s.tail)-len(rest)))
		}
		if len(rest) < recordHeader+n {
			return plain, rest, nil
		}
		s.seen = true
		data, err := t.record(s, rest[:recordHeader], rest[recordHeader:recordHeader+n])
		if err != nil {
			return plain, rest, t.patience(err, rest)
		}
		plain, rest = append(plain, data...), rest[recordHeader+n:]
	}
}

// patience lets what lacks keys wait for them, as long as it is not too much.
func (t *tlsConnection) patience(err error, waiting []byte) error {
	switch {
	case err != errWait:
		return err
	case len(waiting) > maxWaiting:
		return t.missing()
	}
	return nil
}

func (s *tlsSide) noRecord(at int64) error {
	if !s.seen {
		return fmt.Errorf("what the %s says first is no TLS", s.name)
	}
	return fmt.Errorf("no TLS record begins at byte %d of the %s, where one should", at, s.name)
}

// record does what one record says, and returns the data in it.
func (t *tlsConnection) record(s *tlsSide, header, body []byte) (data []byte, err error) {
	kind := header[0]
	if kind == recordApplicationData || s.phase == phaseLegacy {
		if kind, body, err = t.open(s, header, body); err != nil {
			return nil, err
		}
	}
	switch kind {
	case recordApplicationData:
		return body, nil
	case recordHandshake:
		return nil, s.messages.feed(body, func(kind byte, message []byte) error { return t.message(s, kind, message) })
	case recordChangeCipherSpec:
		if t.version != 0 && t.version != versionTLS13 { // which sends it for the looks alone
			s.phase, s.opener = phaseLegacy, nil
		}
	}
	return nil, nil // an alert, a heartbeat
}

// open decrypts a record. A client whose early data was refused goes on with
// the keys of the hand-shake without a word about it; and a Finished that the
// capture has lost is told by the keys after it.
func (t *tlsConnection) open(s *tlsSide, header, body []byte) (kind byte, plain []byte, err error) {
	if s.opener == nil {
		if err := t.keysOf(s, header, body); err != nil {
			return 0, nil, err
		}
	}
	kind, plain, err = s.opener.open(s.sequence, header, body)
	if err != nil && t.version == versionTLS13 && (s.phase == phaseEarly || s.phase == phaseHandshake) {
		after := *s
		after.phase, after.opener = s.phase+1, nil
		if wait := t.keysOf(&after, header, body); wait != nil {
			return 0, nil, wait
		}
		if kind, plain, err = after.opener.open(0, header, body); err == nil {
			*s = after
		}
	}
	if err != nil {
		return 0, nil, fmt.Errorf("a record of the %s cannot be decrypted with the secrets of the key log (%s)", s.name, t.about())
	}
	s.sequence++
	return kind, plain, nil
}

// maxLost is how many records a gap may hold.
const maxLost = 4096

func (t *tlsConnection) skip(fromServer bool, n int) {
	s := t.side(fromServer)
	records := maxLost
	if n > 0 {
		records = min(maxLost, s.lost+1+(n+len(s.tail))/(recordHeader+minRecord))
	}
	s.at += int64(len(s.tail) + n)
	s.tail, s.lost, s.messages = nil, records, tlsMessages{}
}

// resync looks for a record after a gap: what the keys open, with the number
// that it may have. Whoever wrote the capture may have filled it with what
// looks like records, so the effort is bounded.
func (t *tlsConnection) resync(s *tlsSide, rest []byte) ([]byte, error) {
	if s.phase == phaseClear {
		return rest, fmt.Errorf("bytes of the %s's TLS hand-shake were not seen", s.name)
	}
	for ; len(rest) >= recordHeader; rest = rest[1:] {
		n := int(binary.BigEndian.Uint16(rest[3:]))
		if rest[0] < recordAlert || rest[0] > recordApplicationData || rest[1] != 3 || n < minRecord || n > maxRecord {
			continue
		}
		if len(rest) < recordHeader+n {
			return rest, nil
		}
		header, body := rest[:recordHeader], rest[recordHeader:recordHeader+n]
		if s.opener == nil {
			if err := t.keysOf(s, header, body); err != nil {
				return rest, err
			}
		}
		found, err := t.seek(s, header, body)
		if found || err != nil {
			return rest, err
		}
	}
	return rest, nil
}

// seek tries the numbers that a record may have, in the phase of its side and
// in the one after.
func (t *tlsConnection) seek(s *tlsSide, header, body []byte) (found bool, err error) {
	sides := []tlsSide{*s}
	if s.phase == phaseHandshake {
		after := *s
		after.phase, after.opener, after.sequence = phaseApplication, nil, 0
		if err := t.keysOf(&after, header, body); err != nil {
			return false, err
		}
		sides = append(sides, after)
	}
	for _, try := range sides {
		for range s.lost + 1 {
			if s.effort -= len(body); s.effort < 0 || try.opener.stateful() {
				return false, fmt.Errorf("after bytes of the %s that were not seen its TLS records cannot be followed", s.name)
			}
			if _, _, err := try.opener.open(try.sequence, header, body); err == nil {
				effort := s.effort
				*s = try
				s.lost, s.effort = 0, effort
				return true, nil
			}
			try.sequence++
		}
	}
	return false, nil
}

package capture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
)

// A KeyLog holds the secrets that programs wrote about their TLS connections,
// in the format of SSLKEYLOGFILE: lines of a label, the client's random and a
// secret, the latter two in hexadecimal. The zero KeyLog holds none.
type KeyLog struct {
	secrets  map[secretName][]byte
	sessions map[[32]byte][]byte // by the hash of a session id or a ticket
	source   io.Reader           // of Follow
	line     []byte              // without its end yet
	long     bool                // what follows up to the next end belongs to a line that is too long
}

type secretName struct {
	label  string
	random [32]byte
}

// The labels whose secrets are used.
const (
	labelMaster          = "CLIENT_RANDOM"
	labelEarly           = "CLIENT_EARLY_TRAFFIC_SECRET"
	labelClientHandshake = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
	labelServerHandshake = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
	labelClientTraffic   = "CLIENT_TRAFFIC_SECRET_0"
	labelServerTraffic   = "SERVER_TRAFFIC_SECRET_0"
)

const (
	maxKeyLine = 1 << 10
	maxSecret  = 64
)

// ParseKeyLog reads a key log. Lines that are none, and secrets that no
// connection needs, are passed over; what holds no secret at all is refused
// unless it is empty.
func ParseKeyLog(r io.Reader) (*KeyLog, error) {
	k := &KeyLog{}
	some, err := k.read(r)
	k.Add([]byte("\n"))
	if err == nil && some && len(k.secrets) == 0 {
		err = errors.New("holds no TLS secret; a line of a key log is as in CLIENT_RANDOM, 64 hexadecimal digits, 96 hexadecimal digits")
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Follow lets the log grow: r, which has more to read after its end as a file
// has that others write to, is read on when a secret is not known. A
// connection then waits for its secrets.
func (k *KeyLog) Follow(r io.Reader) { k.source = r }

// Add adds lines of a key log, as a capture has them in its own blocks.
func (k *KeyLog) Add(text []byte) {
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		part := text
		if end >= 0 {
			part = text[:end]
		}
		if k.long = k.long || len(k.line)+len(part) > maxKeyLine; !k.long {
			k.line = append(k.line, part...)
		}
		if end < 0 {
			return
		}
		if !k.long {
			k.add(k.line)
		}
		k.line, k.long, text = k.line[:0], false, text[end+1:]
	}
}

// add takes one line.
func (k *KeyLog) add(line []byte) {
	words := bytes.Fields(line)
	if len(words) != 3 || len(words[1]) != 64 || len(words[2]) > 2*maxSecret {
		return
	}
	name := secretName{label: string(words[0])}
	secret, err := hex.DecodeString(string(words[2]))
	if _, bad := hex.Decode(name.random[:], words[1]); bad != nil || err != nil || !slices.Contains(usedLabels(), name.label) {
		return
	}
	if k.secrets == nil {
		k.secrets = make(map[secretName][]byte)
	}
	k.secrets[name] = secret
}

func usedLabels() []string {
	return []string{labelMaster, labelEarly, labelClientHandshake, labelServerHandshake, labelClientTraffic, labelServerTraffic}
}

// read adds what r has, and tells whether there was anything.
func (k *KeyLog) read(r io.Reader) (some bool, err error) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		k.Add(buffer[:n])
		some = some || n > 0
		if err == io.EOF {
			return some, nil
		}
		if err != nil {
			return some, err
		}
	}
}

// find looks a secret up; k may be nil.
func (k *KeyLog) find(label string, random [32]byte) ([]byte, bool) {
	if k == nil {
		return nil, false
	}
	name := secretName{label, random}
	secret, ok := k.secrets[name]
	if !ok && k.source != nil {
		if some, _ := k.read(k.source); some {
			secret, ok = k.secrets[name]
		}
	}
	return secret, ok
}

// grows tells whether a secret that is missing may still come.
func (k *KeyLog) grows() bool { return k != nil && k.source != nil }

// maxSessions is how many sessions are known for those that resume them.
const maxSessions = 1 << 16

// session finds the secret of the session with an id or a ticket; k may be nil.
func (k *KeyLog) session(name []byte) ([]byte, bool) {
	if k == nil || len(name) == 0 {
		return nil, false
	}
	secret, ok := k.sessions[sha256.Sum256(name)]
	return secret, ok
}

func (k *KeyLog) keepSession(name, secret []byte) {
	if len(name) == 0 || len(k.sessions) >= maxSessions {
		return
	}
	if k.sessions == nil {
		k.sessions = make(map[[32]byte][]byte)
	}
	k.sessions[sha256.Sum256(name)] = secret
}

// Package limits is the table of a broker's limits: what each means, may be and is
// by default, how it is written, and which of them can change while a broker runs.
// The broker, CONNACK, the config file, --set and the man page read the one table.
package limits

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits are the bounds and switches of a broker. Default makes a good set; Table
// says what each of them means and may be.
type Limits struct {
	MaxInflight                      int // messages
	ReceiveMaximum                   int // messages
	MaxQueuedMessages                int
	MaxQueuedBytes                   int
	MaxQueuedDiskBytes               int64
	QueueFull                        string // drop, refuse
	QueueQoS0                        bool
	MaxPacketSize                    int // bytes
	ConnectPacketSize                int // bytes; the smaller of this and MaxPacketSize holds
	MaxKeepAlive                     int // seconds
	ConnectTimeout                   time.Duration
	SessionExpiry3x                  time.Duration
	MaxSessionExpiry                 time.Duration // Forever: no cap
	TopicAliasIn                     int
	TopicAliasOut                    int
	MaxTopicLevels                   int
	MaxTopicLength                   int // bytes
	MaxClientID                      int // bytes
	MaxOutboxBytes                   int
	MaxFilters                       int // in one SUBSCRIBE or UNSUBSCRIBE
	MaxUserProperties                int // in one packet
	MaxSubscriptions                 int // of one client
	MaxConnections                   int // 0: what the number of file handles allows
	MaxRetained                      int // messages
	MaxRetainedBytes                 int64
	MemoryLimit                      int64 // bytes; 0: none, for whoever makes the Limits to settle
	SysInterval                      time.Duration
	MaxQoS                           int
	RetainAvailable                  bool
	WildcardAvailable                bool
	SharedAvailable                  bool
	SubscriptionIdentifiersAvailable bool
	AllowZeroLengthClientID          bool
	AutoIDPrefix                     string
	MaxInflightBytes                 int // 0: no limit
	UpgradeOutgoingQoS               bool
	Strict31                         bool
	ServerReference                  string // empty: none
	ResponseInformation              string // empty: none
	SlowReceiver                     string // wait, drop
	CheckPayloadFormat               bool
	CheckRetainSource                bool
	HandshakeTimeout                 time.Duration
	MaxConnectionsPerUser            int    // 0: no limit, like those below
	MaxConnectionsPerAddress         int    // of IPv6, of a /64
	MaxMessageRate                   int    // PUBLISH packets a second from one client
	MaxByteRate                      int    // bytes a second from one client
	RateExceeded                     string // slow, disconnect
	MaxAuthFailures                  int    // a minute, of one address and user name
	DenyAction                       string // ignore, disconnect
	MaxConnectionRate                int    // accepted CONNECT packets a second; 0: no limit
}

// Forever is the session expiry that never comes, 0xFFFFFFFF seconds on the
// wire [3.1.2.11.2]. Limits take it as "inf".
const Forever = 0xFFFFFFFF * time.Second

// Limit describes one field of Limits. Set, Validate, CONNACK, the config file
// and the man page all read the one table of them.
type Limit struct {
	Key      string
	Kind     Kind
	Default  string // as Set takes it
	Min, Max int64  // in messages, bytes, seconds or levels; in milliseconds for a Duration; length of a Text in bytes
	Choices  []string
	Doc      string
	Fixed    bool              // it cannot be changed while the broker runs
	field    func(*Limits) any // *int, *int64, *bool, *string or *time.Duration
}

// Kind says how the value of a limit is written.
type Kind byte

const (
	Count    Kind = iota // 64
	Size                 // 1MiB 64k 4096; k, M and G are powers of 1024
	Seconds              // 90 90s 2m: whole seconds
	Duration             // 5s 300ms 14d inf; a bare number counts seconds
	Switch               // true false
	Choice               // one of Choices
	Text
)

const (
	unitSecond  = 1000 // in the unit of Min and Max of durations
	unitHour    = 3600 * unitSecond
	unitForever = int64(Forever / time.Millisecond)
	wirePacket  = 268_435_460 // the largest packet that the wire can say [2.1.4]
	unitGiB     = 1 << 30
)

// Table is the table of limits, in the order in which they are explained.
func Table() []Limit {
	return []Limit{
		{"max_inflight", Count, "64", 1, 65535, nil, "QoS 1 and 2 messages under way to one client at a time; the client's own Receive Maximum holds, too.", false, func(l *Limits) any { return &l.MaxInflight }},
		{"max_inflight_bytes", Size, "0", 0, unitGiB, nil, "Bytes of QoS 1 and 2 messages under way to one client at a time, at least one message; 0 sets no limit.", false, func(l *Limits) any { return &l.MaxInflightBytes }},
		{"receive_maximum", Count, "1024", 1, 65535, nil, "QoS 1 and 2 messages under way from one client at a time: enforced on 5.0, while a 3.x client is slowed down.", false, func(l *Limits) any { return &l.ReceiveMaximum }},
		{"max_queued_messages", Count, "1000", 0, 100_000_000, nil, "Messages waiting for one session beyond those under way; 0 allows no queue.", false, func(l *Limits) any { return &l.MaxQueuedMessages }},
		{"max_queued_bytes", Size, "1MiB", 1, unitGiB, nil, "Bytes waiting for one session beyond those under way; one message always fits.", false, func(l *Limits) any { return &l.MaxQueuedBytes }},
		{"max_queued_disk_bytes", Size, "64MiB", 1, 1024 * unitGiB, nil, "Bytes waiting on disk for one session, with --data; they hold in place of the two limits before, which then say what of it is kept in memory, too.", false, func(l *Limits) any { return &l.MaxQueuedDiskBytes }},
		{"queue_full", Choice, "drop", 0, 0, []string{"drop", "refuse"}, "What happens to a message for a session whose queue is full: it is dropped and counted, or refused to its publisher.", false, func(l *Limits) any { return &l.QueueFull }},
		{"queue_qos0", Switch, "false", 0, 0, nil, "Queue QoS 0 messages for sessions whose client is away.", false, func(l *Limits) any { return &l.QueueQoS0 }},
		{"slow_receiver", Choice, "wait", 0, 0, []string{"wait", "drop"}, "Whether publishers wait for a receiver that reads at a fair pace, or its messages are dropped as soon as its buffers are full.", false, func(l *Limits) any { return &l.SlowReceiver }},
		{"max_outbox_bytes", Size, "256KiB", 1024, unitGiB, nil, "Bytes buffered towards one connection; one packet always fits.", false, func(l *Limits) any { return &l.MaxOutboxBytes }},
		{"max_packet_size", Size, "1MiB", 64, wirePacket, nil, "Largest packet that a client may send.", false, func(l *Limits) any { return &l.MaxPacketSize }},
		{"max_connect_packet_size", Size, "256KiB", 64, wirePacket, nil, "Largest CONNECT packet, where max_packet_size is not smaller still.", false, func(l *Limits) any { return &l.ConnectPacketSize }},
		{"connect_timeout", Duration, "5s", 100, unitHour, nil, "Time from the opening of a connection to its complete CONNECT.", false, func(l *Limits) any { return &l.ConnectTimeout }},
		{"handshake_timeout", Duration, "10s", 100, unitHour, nil, "Time for the handshake of TLS or a WebSocket, before that for CONNECT begins.", false, func(l *Limits) any { return &l.HandshakeTimeout }},
		{"max_keep_alive", Seconds, "65535", 1, 65535, nil, "Longest keep alive in seconds; a 5.0 client that asks for more, or for none, is told this one, unless it is 65535.", false, func(l *Limits) any { return &l.MaxKeepAlive }},
		{"max_session_expiry", Duration, "inf", unitSecond, unitForever, nil, "Longest session expiry that a 5.0 client gets; inf sets no cap.", false, func(l *Limits) any { return &l.MaxSessionExpiry }},
		{"session_expiry_3x", Duration, "14d", unitSecond, unitForever, nil, "Time that the session of a 3.x client that did not ask for a clean one is kept while it is away.", false, func(l *Limits) any { return &l.SessionExpiry3x }},
		{"topic_alias_in", Count, "64", 0, 65535, nil, "Topic aliases that a client may set; 0 allows none.", false, func(l *Limits) any { return &l.TopicAliasIn }},
		{"topic_alias_out", Count, "16", 0, 65535, nil, "Topic aliases that the broker sets towards a client that allows them; 0 sets none.", false, func(l *Limits) any { return &l.TopicAliasOut }},
		{"max_topic_levels", Count, "128", 1, 65536, nil, "Levels of a topic name or filter.", false, func(l *Limits) any { return &l.MaxTopicLevels }},
		{"max_topic_length", Count, "65535", 1, 65535, nil, "Length of a topic name or filter in bytes.", false, func(l *Limits) any { return &l.MaxTopicLength }},
		{"max_client_id", Count, "256", 23, 65535, nil, "Length of a client identifier in bytes.", false, func(l *Limits) any { return &l.MaxClientID }},
		{"max_filters", Count, "1000", 1, 1_000_000, nil, "Topic filters in one SUBSCRIBE or UNSUBSCRIBE.", false, func(l *Limits) any { return &l.MaxFilters }},
		{"max_user_properties", Count, "10000", 1, 1_000_000, nil, "User properties in one packet.", false, func(l *Limits) any { return &l.MaxUserProperties }},
		{"max_subscriptions", Count, "10000", 1, 100_000_000, nil, "Subscriptions of one client.", false, func(l *Limits) any { return &l.MaxSubscriptions }},
		{"max_connections", Count, "0", 0, 100_000_000, nil, "Connections at a time; 0 takes what the limit on open files allows, less 64.", false, func(l *Limits) any { return &l.MaxConnections }},
		{"max_connections_per_user", Count, "0", 0, 100_000_000, nil, "Connections at a time of one user; those without a user name are not counted; 0 sets no limit.", false, func(l *Limits) any { return &l.MaxConnectionsPerUser }},
		{"max_connections_per_address", Count, "0", 0, 100_000_000, nil, "Connections at a time from one address, or one /64 of IPv6; Unix sockets are not counted; 0 sets no limit.", false, func(l *Limits) any { return &l.MaxConnectionsPerAddress }},
		{"max_retained", Count, "1000000", 1, 1_000_000_000, nil, "Retained messages.", false, func(l *Limits) any { return &l.MaxRetained }},
		{"max_retained_bytes", Size, "1GiB", 1, 1024 * unitGiB, nil, "Bytes of all retained messages.", false, func(l *Limits) any { return &l.MaxRetainedBytes }},
		{"memory_limit", Size, "0", 32 << 20, 1024 * unitGiB, nil, "Memory of the process: near it, queues go to the disk at once, publishers of what has to wait are slowed down, new clients are refused and the slowest consumers closed; 0 takes half of what the machine or the control group has.", true, func(l *Limits) any { return &l.MemoryLimit }},
		{"sys_interval", Duration, "10s", unitSecond, 24 * unitHour, nil, "Time between two rounds of the $SYS topics.", false, func(l *Limits) any { return &l.SysInterval }},
		{"max_qos", Count, "2", 0, 2, nil, "Highest QoS that a client may publish at or is granted.", false, func(l *Limits) any { return &l.MaxQoS }},
		{"retain_available", Switch, "true", 0, 0, nil, "Take retained messages.", false, func(l *Limits) any { return &l.RetainAvailable }},
		{"wildcard_available", Switch, "true", 0, 0, nil, "Take topic filters with wildcards.", false, func(l *Limits) any { return &l.WildcardAvailable }},
		{"shared_available", Switch, "true", 0, 0, nil, "Take shared subscriptions.", false, func(l *Limits) any { return &l.SharedAvailable }},
		{"subscription_identifiers_available", Switch, "true", 0, 0, nil, "Take subscription identifiers.", false, func(l *Limits) any { return &l.SubscriptionIdentifiersAvailable }},
		{"allow_zero_length_clientid", Switch, "true", 0, 0, nil, "Make up a client identifier for a client that sends none.", false, func(l *Limits) any { return &l.AllowZeroLengthClientID }},
		{"auto_id_prefix", Text, "auto-", 0, 64, nil, "What a client identifier that the broker makes up begins with.", false, func(l *Limits) any { return &l.AutoIDPrefix }},
		{"upgrade_outgoing_qos", Switch, "false", 0, 0, nil, "Deliver at the QoS of the subscription even where the message was published at a lower one.", false, func(l *Limits) any { return &l.UpgradeOutgoingQoS }},
		{"strict_3_1", Switch, "false", 0, 0, nil, "Refuse client identifiers over 23 characters on 3.1, as its text demands.", false, func(l *Limits) any { return &l.Strict31 }},
		{"server_reference", Text, "", 0, 1024, nil, "Other servers to name when a 5.0 client is turned away; empty names none.", false, func(l *Limits) any { return &l.ServerReference }},
		{"response_information", Text, "", 0, 1024, nil, "Response Information for a 5.0 client that asks for it, with %c for its client id and %u for its user name; empty gives none.", false, func(l *Limits) any { return &l.ResponseInformation }},
		{"check_payload_format", Switch, "false", 0, 0, nil, "Refuse a payload that says it is UTF-8 text and is not.", false, func(l *Limits) any { return &l.CheckPayloadFormat }},
		{"check_retain_source", Switch, "false", 0, 0, nil, "Deliver a retained message only while who published it still may publish there.", false, func(l *Limits) any { return &l.CheckRetainSource }},
		{"max_message_rate", Count, "0", 0, 10_000_000, nil, "PUBLISH packets a second that one client may send, and as many at once; rate_exceeded says what happens to a faster one; 0 sets no limit.", false, func(l *Limits) any { return &l.MaxMessageRate }},
		{"max_byte_rate", Size, "0", 0, unitGiB, nil, "Bytes a second that one client may send, and as many at once, at least one packet; rate_exceeded says what happens to a faster one; 0 sets no limit.", false, func(l *Limits) any { return &l.MaxByteRate }},
		{"rate_exceeded", Choice, "slow", 0, 0, []string{"slow", "disconnect"}, "What happens to a client that is faster than its rates: it is read more slowly, or disconnected.", false, func(l *Limits) any { return &l.RateExceeded }},
		{"max_connection_rate", Count, "0", 0, 1_000_000, nil, "CONNECT packets a second that are accepted, and as many at once; 0 sets no limit.", false, func(l *Limits) any { return &l.MaxConnectionRate }},
		{"max_auth_failures", Count, "10", 0, 1_000_000, nil, "Failed authentications in a minute from one address, or one /64 of IPv6, under one user name, after which it is refused without being asked; 0 sets no limit.", false, func(l *Limits) any { return &l.MaxAuthFailures }},
		{"deny_action", Choice, "ignore", 0, 0, []string{"ignore", "disconnect"}, "What happens to a client that publishes or subscribes where it may not, beyond the refusal: nothing, or it is disconnected.", false, func(l *Limits) any { return &l.DenyAction }},
	}
}

// Default returns every limit at its default.
func Default() Limits {
	var l Limits
	for _, limit := range Table() {
		if err := limit.set(&l, limit.Default); err != nil {
			panic(err) // the table contradicts itself
		}
	}
	return l
}

// Set sets the limit of that key; an error changes nothing.
func (l *Limits) Set(key, value string) error {
	limit, err := findLimit(key)
	if err != nil {
		return err
	}
	return limit.set(l, value)
}

// Get returns the value of the limit of that key as Set takes it.
func (l *Limits) Get(key string) (string, error) {
	limit, err := findLimit(key)
	if err != nil {
		return "", err
	}
	return limit.Value(l), nil
}

// Validate returns all that is wrong with the limits, one line each.
func (l *Limits) Validate() error {
	var all []error
	for _, limit := range Table() {
		all = append(all, limit.check(limit.load(l)))
	}
	return errors.Join(all...)
}

// Same says whether the limit is the same in both.
func (t Limit) Same(a, b *Limits) bool { return t.load(a) == t.load(b) }

// findLimit looks a key up and, where it fails, names the key that was
// probably meant.
func findLimit(key string) (Limit, error) {
	table := Table()
	nearest := table[0]
	for _, limit := range table {
		if limit.Key == key {
			return limit, nil
		}
		if distance(limit.Key, key) < distance(nearest.Key, key) {
			nearest = limit
		}
	}
	if distance(nearest.Key, key) > max(2, len(key)/2) {
		return Limit{}, fmt.Errorf("limit %s: no such key", key)
	}
	return Limit{}, fmt.Errorf("limit %s: no such key; did you mean %s?", key, nearest.Key)
}

// distance is the number of letters to change, add or remove to get from a to b.
func distance(a, b string) int {
	b = b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] && !(a[i] == '_' && b[j] == '-') {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

func (t Limit) errorf(format string, a ...any) error {
	return fmt.Errorf("limit %s: %s; %s", t.Key, fmt.Sprintf(format, a...), t.Range())
}

// Range says in words what the limit may be.
func (t Limit) Range() string {
	switch t.Kind {
	case Switch:
		return "true or false is allowed"
	case Choice:
		return strings.Join(t.Choices, " or ") + " is allowed"
	case Text:
		return fmt.Sprintf("up to %d bytes of text are allowed", t.Max)
	}
	if t.zero() {
		return fmt.Sprintf("0, or %s to %s is allowed", t.text(t.Min), t.text(t.Max))
	}
	return fmt.Sprintf("%s to %s is allowed", t.text(t.Min), t.text(t.Max))
}

// zero says whether 0 has a meaning of its own, below Min.
func (t Limit) zero() bool { return t.Key == "memory_limit" }

package limits

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// zeroMeansSomething lists the numeric limits that may be 0.
func zeroMeansSomething(key string) bool {
	return slices.Contains([]string{"max_inflight_bytes", "max_queued_messages", "topic_alias_in", "topic_alias_out", "max_connections", "memory_limit", "max_qos", "max_message_rate", "max_byte_rate", "max_connection_rate", "max_connections_per_user", "max_connections_per_address", "max_auth_failures"}, key)
}

func numeric(t Limit) bool {
	return t.Kind == Count || t.Kind == Size || t.Kind == Seconds || t.Kind == Duration
}

// unit is what turns a number of the table into text that Set takes.
func unit(t Limit, n int64) string {
	if t.Kind == Duration {
		return fmt.Sprint(n, "ms")
	}
	return fmt.Sprint(n)
}

func TestEveryNumericLimitHasItsRange(t *testing.T) {
	for _, limit := range Table() {
		if !numeric(limit) {
			continue
		}
		t.Run(limit.Key, func(t *testing.T) {
			l := Default()
			for _, n := range []int64{limit.Min, limit.Max} {
				if err := l.Set(limit.Key, unit(limit, n)); err != nil {
					t.Fatal(err)
				}
				if got := limit.load(&l); got != any(n) {
					t.Errorf("set to %d, is %v", n, got)
				}
				if err := l.Validate(); err != nil {
					t.Error(err)
				}
			}
			for _, n := range []int64{limit.Min - 1, limit.Max + 1, -5} {
				before := l
				err := l.Set(limit.Key, unit(limit, n))
				if err == nil || l != before {
					t.Errorf("%d is taken", n)
				}
				if err != nil && !strings.Contains(err.Error(), limit.text(limit.Min)+" to "+limit.text(limit.Max)) {
					t.Errorf("the error does not say the range: %v", err)
				}
			}
			if err := l.Set(limit.Key, "0"); (err == nil) != zeroMeansSomething(limit.Key) {
				t.Errorf("zero: %v", err)
			}
		})
	}
}

func TestLimitTableCoversEveryField(t *testing.T) {
	var l Limits
	fields, keys := map[any]string{}, map[string]bool{}
	for _, limit := range Table() {
		if p := limit.field(&l); fields[p] != "" {
			t.Errorf("%s and %s share a field", limit.Key, fields[p])
		} else {
			fields[p] = limit.Key
		}
		if keys[limit.Key] || strings.ToLower(limit.Key) != limit.Key || !strings.HasSuffix(limit.Doc, ".") {
			t.Errorf("%q: key or sentence is not right", limit.Key)
		}
		keys[limit.Key] = true
	}
	if n := reflect.TypeFor[Limits]().NumField(); n != len(fields) {
		t.Errorf("%d fields, %d in the table", n, len(fields))
	}
}

func TestDefaultLimits(t *testing.T) {
	want := Limits{
		MaxInflight: 64, ReceiveMaximum: 1024, MaxQueuedMessages: 1000, MaxQueuedBytes: 1 << 20, MaxQueuedDiskBytes: 64 << 20, QueueFull: "drop",
		MaxPacketSize: 1 << 20, ConnectPacketSize: 256 << 10, MaxKeepAlive: 65535, ConnectTimeout: 5 * time.Second,
		SessionExpiry3x: 14 * 24 * time.Hour, MaxSessionExpiry: Forever, TopicAliasIn: 64, TopicAliasOut: 16,
		MaxTopicLevels: 128, MaxTopicLength: 65535, MaxClientID: 256, MaxOutboxBytes: 256 << 10, MaxFilters: 1000,
		MaxUserProperties: 10000, MaxSubscriptions: 10000, MaxRetained: 1_000_000, MaxRetainedBytes: 1 << 30,
		SysInterval: 10 * time.Second, MaxQoS: 2, RetainAvailable: true, WildcardAvailable: true, SharedAvailable: true,
		SubscriptionIdentifiersAvailable: true, AllowZeroLengthClientID: true, AutoIDPrefix: "auto-", SlowReceiver: "wait",
		HandshakeTimeout: 10 * time.Second, RateExceeded: "slow", MaxAuthFailures: 10, DenyAction: "ignore",
	}
	l := Default()
	if l != want {
		t.Errorf("got  %+v\nwant %+v", l, want)
	}
	if err := l.Validate(); err != nil {
		t.Error(err)
	}
	for _, limit := range Table() {
		if got, err := l.Get(limit.Key); err != nil || got != limit.Default {
			t.Errorf("%s: %q %v, want %q", limit.Key, got, err, limit.Default)
		}
	}
}

func TestSetLimit(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"max_packet_size", "64k", "64KiB"},
		{"max_packet_size", "2M", "2MiB"},
		{"max_packet_size", "64 KB", "64KiB"},
		{"max_packet_size", "1000", "1000"},
		{"max_packet_size", "64 x", `limit max_packet_size: "64 x" is no size such as 4096, 64k, 1MiB or 2G; 64 to 268435460 is allowed`},
		{"max_packet_size", "1gb", `limit max_packet_size: 1GiB is out of range; 64 to 268435460 is allowed`},
		{"max_packet_size", "many", `limit max_packet_size: "many" is no size such as 4096, 64k, 1MiB or 2G; 64 to 268435460 is allowed`},
		{"max_packet_size", "99999999999G", `limit max_packet_size: "99999999999G" is too large a number; 64 to 268435460 is allowed`},
		{"connect_timeout", "1500ms", "1500ms"},
		{"connect_timeout", "10", "10s"},
		{"connect_timeout", "1h1m", `limit connect_timeout: 61m is out of range; 100ms to 1h is allowed`},
		{"connect_timeout", "soon", `limit connect_timeout: "soon" is no duration; 100ms to 1h is allowed`},
		{"connect_timeout", "100.5us", `limit connect_timeout: "100.5us" is finer than a millisecond; 100ms to 1h is allowed`},
		{"max_session_expiry", "2d", "2d"},
		{"max_session_expiry", "3600", "1h"},
		{"max_session_expiry", "inf", "inf"},
		{"max_session_expiry", "4294967295", "inf"},
		{"max_session_expiry", "4294967296", `limit max_session_expiry: 4294967296s is out of range; 1s to inf is allowed`},
		{"max_keep_alive", "2m", "120"},
		{"max_keep_alive", "1500ms", `limit max_keep_alive: "1500ms" is no whole number of seconds; 1 to 65535 is allowed`},
		{"max_inflight", "", `limit max_inflight: "" is no number; 1 to 65535 is allowed`},
		{"max_inflight", "1.5", `limit max_inflight: "1.5" is no number; 1 to 65535 is allowed`},
		{"queue_qos0", "on", "true"},
		{"queue_qos0", "maybe", `limit queue_qos0: "maybe" is no switch; true or false is allowed`},
		{"queue_full", "refuse", "refuse"},
		{"queue_full", "wait", `limit queue_full: "wait" is no choice; drop or refuse is allowed`},
		{"auto_id_prefix", "x", "x"},
		{"auto_id_prefix", "a/", `limit auto_id_prefix: "a/" holds one of + # /, which mean something in topics; up to 64 bytes of text are allowed`},
		{"server_reference", "a\x00", `limit server_reference: "a\x00" holds what is not text; up to 1024 bytes of text are allowed`},
		{"max_inflght", "3", `limit max_inflght: no such key; did you mean max_inflight?`},
		{"max-packet-size", "3", `limit max-packet-size: no such key; did you mean max_packet_size?`},
		{"foo", "1", `limit foo: no such key`},
		{"strict31", "true", `limit strict31: no such key; did you mean strict_3_1?`},
	} {
		l := Default()
		var got string
		if err := l.Set(c.key, c.value); err != nil {
			got = err.Error()
			if l != Default() {
				t.Errorf("%s=%s: an error changes something", c.key, c.value)
			}
		} else {
			got, _ = l.Get(c.key)
		}
		if got != c.want {
			t.Errorf("%s=%s: got %s\nwant %s", c.key, c.value, got, c.want)
		}
	}
	if _, err := new(Limits).Get("nonsense"); err == nil {
		t.Error("an unknown key is read")
	}
}

func TestValidateSaysAllAtOnce(t *testing.T) {
	l := Default()
	l.MaxInflight, l.QueueFull, l.SysInterval = 0, "burn", time.Millisecond
	err := l.Validate()
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	want := `limit max_inflight: 0 is out of range; 1 to 65535 is allowed
limit queue_full: "burn" is no choice; drop or refuse is allowed
limit sys_interval: 1ms is out of range; 1s to 1d is allowed`
	if err.Error() != want {
		t.Errorf("got %v", err)
	}
}

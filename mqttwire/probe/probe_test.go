package probe_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/probe"
)

// facts writes a report as section.key=value lines.
func facts(r *probe.Report) map[string]string {
	all := map[string]string{}
	for section, entries := range r.Each() {
		for _, e := range entries {
			f := r.Facts[section.Key][e.Key]
			all[section.Key+"."+e.Key] = f.String()
			if a := f.AnnouncedText(); a != "" {
				all[section.Key+"."+e.Key] += " | " + a
			}
		}
	}
	return all
}

const usualConnack = "CONNACK Success receive-maximum=1024 maximum-packet-size=1048576 topic-alias-maximum=64"

// usual are the facts of a broker with its default settings; times are in fake
// time and left out.
func usual() map[string]string {
	return map[string]string{
		"versions.mqtt_3_1": "yes", "versions.mqtt_3_1_1": "yes", "versions.mqtt_5_0": "yes",
		"versions.unknown_level": "CONNACK 0x84, as in 5.0",

		"access.connack":   usualConnack,
		"access.anonymous": "yes", "access.auth_methods": "none", "access.empty_client_id": "yes", "access.assigned_client_id": "yes",
		"access.client_id_length": "256 bytes", "access.take_over": "ends the first",

		"publish.maximum_qos": "2 | 2 (by saying nothing)", "publish.retained": "yes | yes (by saying nothing)",
		"publish.topic_alias_maximum": "64 | 64", "publish.topic_alias_sent": "yes",
		"publish.message_expiry": "yes", "publish.message_expiry_queued": "yes", "publish.message_expiry_told": "yes",
		"publish.payload_format_checked": "no", "publish.no_matching_subscribers": "yes", "publish.response_information": "no",
		"publish.will": "yes", "publish.will_delay": "yes",

		"subscribe.granted_qos": "2", "subscribe.wildcards": "yes | yes (by saying nothing)", "subscribe.shared": "yes | yes (by saying nothing)",
		"subscribe.identifiers": "yes | yes (by saying nothing)", "subscribe.no_local": "yes", "subscribe.retain_as_published": "yes",
		"subscribe.retain_handling": "yes", "subscribe.overlapping": "1", "subscribe.sys": "yes",

		"limits.packet_size": ">= 64 KiB | 1 MiB", "limits.receive_maximum": ">= 100 | 1024",
		"limits.client_receive_maximum": "yes", "limits.client_packet_size": "yes",
		"limits.topic_length": "65535 bytes", "limits.topic_levels": "128",
		"limits.keep_alive_off": "yes", "limits.keep_alive_longest": "65535 s", "limits.keep_alive_enforced": "yes",

		"sessions.kept": "yes", "sessions.expiry_longest": "for ever", "sessions.expires": "yes", "sessions.ended_by_client": "yes",
		"sessions.offline_qos0": "no", "sessions.offline_qos1": ">= 100",
	}
}

// TestRun holds each line of a report to what the broker is set to.
func TestRun(t *testing.T) {
	for _, test := range []struct {
		setting string
		want    map[string]string // what is other than usual
	}{
		{setting: ""},
		{"max_qos=1", map[string]string{
			"access.connack":         "CONNACK Success receive-maximum=1024 maximum-qos=1 maximum-packet-size=1048576 topic-alias-maximum=64",
			"publish.maximum_qos":    "1 | 1",
			"subscribe.granted_qos":  "1",
			"limits.receive_maximum": "unknown",
		}},
		{"retain_available=false", map[string]string{
			"access.connack":                "CONNACK Success receive-maximum=1024 retain-available=0 maximum-packet-size=1048576 topic-alias-maximum=64",
			"publish.retained":              "no | no",
			"publish.message_expiry":        "unknown",
			"publish.message_expiry_told":   "unknown",
			"subscribe.retain_as_published": "unknown",
			"subscribe.retain_handling":     "unknown",
		}},
		{"max_packet_size=5000", map[string]string{
			"access.connack":      "CONNACK Success receive-maximum=1024 maximum-packet-size=5000 topic-alias-maximum=64",
			"limits.packet_size":  "5000 bytes | 5000 bytes",
			"limits.topic_length": "4992 bytes", // with a head of 8
		}},
		{"topic_alias_in=0", map[string]string{
			"access.connack":              "CONNACK Success receive-maximum=1024 maximum-packet-size=1048576",
			"publish.topic_alias_maximum": "0 | 0 (by saying nothing)",
		}},
		{"topic_alias_out=0", map[string]string{"publish.topic_alias_sent": "no"}},
		{"receive_maximum=7", map[string]string{
			"access.connack":         "CONNACK Success receive-maximum=7 maximum-packet-size=1048576 topic-alias-maximum=64",
			"limits.receive_maximum": "7 | 7",
		}},
		{"max_keep_alive=60", map[string]string{
			"limits.keep_alive_off": "no", "limits.keep_alive_longest": "60 s",
			"access.connack": usualConnack + " server-keep-alive=60",
		}},
		{"max_session_expiry=1h", map[string]string{"sessions.expiry_longest": "3600 s"}},
		{"max_topic_levels=6", map[string]string{"limits.topic_levels": "6"}},
		{"max_topic_length=60", map[string]string{"limits.topic_length": "60 bytes", "limits.topic_levels": "24"}},
		{"max_topic_levels=17", map[string]string{"limits.topic_levels": "17"}},
		{"max_topic_length=300", map[string]string{"limits.topic_length": "300 bytes", "limits.topic_levels": "128"}},
		{"max_client_id=23", map[string]string{"access.client_id_length": "23 bytes"}},
		{"max_queued_messages=30", map[string]string{"sessions.offline_qos1": "30"}},
		{"queue_qos0=true", map[string]string{"sessions.offline_qos0": "yes"}},
		{"wildcard_available=false", map[string]string{
			"subscribe.wildcards": "no | no", "subscribe.sys": "unknown", "subscribe.overlapping": "unknown",
			"access.connack": usualConnack + " wildcard-subscription-available=0",
		}},
		{"shared_available=false", map[string]string{"subscribe.shared": "no | no", "access.connack": usualConnack + " shared-subscription-available=0"}},
		{"subscription_identifiers_available=false", map[string]string{"subscribe.identifiers": "no | no", "access.connack": usualConnack + " subscription-identifiers-available=0"}},
		{"allow_zero_length_clientid=false", map[string]string{"access.empty_client_id": "no", "access.assigned_client_id": "no"}},
		{"response_information=answers/%c", map[string]string{"publish.response_information": "yes"}},
		{"check_payload_format=true", map[string]string{"publish.payload_format_checked": "yes"}},
	} {
		t.Run(test.setting, func(t *testing.T) {
			var settings []string
			if test.setting != "" {
				settings = append(settings, test.setting)
			}
			against(t, settings, func(t *testing.T, _ *broker.Broker, o probe.Options) {
				r, err := probe.Run(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				want := usual()
				for key, value := range test.want {
					want[key] = value
				}
				compare(t, r, want)
				if len(r.Left) > 0 {
					t.Errorf("it says that the broker keeps %s", r.Left)
				}
				if r.Took > 15*time.Second {
					t.Errorf("took %v", r.Took)
				}
			})
		})
	}
}

func compare(t *testing.T, r *probe.Report, want map[string]string) {
	t.Helper()
	got := facts(r)
	for key, value := range got {
		section, name, _ := strings.Cut(key, ".")
		if section == "times" {
			continue
		}
		if value != want[key] {
			t.Errorf("%s is %q, not %q: %s", key, value, want[key], r.Facts[section][name].Note)
		}
	}
	for key := range want {
		if _, ok := got[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
}

var errInterrupted = errors.New("interrupted")

// TestInterrupted: at whatever moment it ends, nothing is left; against looks.
func TestInterrupted(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second, 2600 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			against(t, nil, func(t *testing.T, b *broker.Broker, o probe.Options) {
				ctx, cancel := context.WithCancelCause(t.Context())
				timer := time.AfterFunc(after, func() { cancel(errInterrupted) })
				defer timer.Stop()
				start := time.Now()
				if _, err := probe.Run(ctx, o); !errors.Is(err, errInterrupted) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(start); took > after+3*time.Second {
					t.Errorf("it went on until %v", took)
				}
			})
		})
	}
}

// older makes a broker one that refuses 5.0: as 3.1.1 says, or by hanging up.
func older(o probe.Options, answer string) probe.Options {
	dial := o.Dial
	o.Dial = func(ctx context.Context) (net.Conn, error) {
		nc, err := dial(ctx)
		return &olderConn{Conn: nc, answer: answer}, err
	}
	return o
}

type olderConn struct {
	net.Conn
	answer string
	spoken bool
	rest   []byte
	over   bool
}

func (c *olderConn) Write(b []byte) (int, error) {
	if !c.spoken && strings.Contains(string(b[:min(12, len(b))]), "MQTT\x05") {
		c.over, c.rest = true, []byte(c.answer)
		c.Conn.Close()
		return len(b), nil
	}
	c.spoken = true
	return c.Conn.Write(b)
}

func (c *olderConn) Read(b []byte) (int, error) {
	if len(c.rest) > 0 {
		n := copy(b, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	if c.over {
		return 0, net.ErrClosed
	}
	return c.Conn.Read(b)
}

func TestOlderBroker(t *testing.T) {
	for name, answer := range map[string]string{"CONNACK": "\x20\x02\x00\x01", "closed": ""} {
		t.Run(name, func(t *testing.T) {
			against(t, nil, func(t *testing.T, _ *broker.Broker, o probe.Options) {
				r, err := probe.Run(t.Context(), older(o, answer))
				if err != nil {
					t.Fatal(err)
				}
				got := facts(r)
				for key, want := range map[string]string{
					"versions.mqtt_5_0": "no", "versions.mqtt_3_1_1": "yes", "access.connack": "CONNACK Success",
					"publish.maximum_qos": "2", "publish.retained": "yes", "publish.topic_alias_maximum": "unknown",
					"subscribe.wildcards": "yes", "subscribe.shared": "yes", "subscribe.no_local": "unknown",
					"limits.topic_levels": "128", "limits.packet_size": ">= 64 KiB",
					"sessions.kept": "yes", "sessions.ended_by_client": "unknown", "sessions.offline_qos1": ">= 100",
				} {
					if got[key] != want {
						t.Errorf("%s is %q, not %q", key, got[key], want)
					}
				}
			})
		})
	}
}

func TestNobodyThere(t *testing.T) {
	failure := errors.New("nobody there")
	_, err := probe.Run(t.Context(), probe.Options{Dial: func(context.Context) (net.Conn, error) { return nil, failure }})
	if !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}

// guarded lets in who has a password.
type guarded struct{}

func (guarded) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	if string(c.Password) != "secret" {
		return broker.Identity{}, broker.ErrBadCredentials
	}
	return broker.Identity{Username: c.Username}, nil
}

func TestCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := served(t, broker.Options{Authenticator: guarded{}})
		o := probe.Options{Dial: l.Dial, Topic: "mqtk-probe/x", IDPrefix: "mqtkprobe", MaxPacket: 4096, Rounds: 1}
		var refused *client.RefusedError
		if _, err := probe.Run(t.Context(), o); !errors.As(err, &refused) {
			t.Errorf("without a password: got %v", err)
		}
		o.HasUsername, o.Username, o.HasPassword, o.Password = true, "u", true, []byte("secret")
		r, err := probe.Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if f := r.Facts["access"]["anonymous"]; f.Value != false {
			t.Errorf("anonymous is %v (%s)", f.Value, f.Note)
		}
	})
}

func TestDifferences(t *testing.T) {
	report := func(facts map[string]probe.Fact) *probe.Report {
		return &probe.Report{Facts: map[string]map[string]probe.Fact{"limits": facts, "times": {"ping": {Value: probe.Times{Rounds: len(facts)}}}}}
	}
	a := report(map[string]probe.Fact{"packet_size": {Value: 100, Note: "one"}, "topic_levels": {Value: 8}, "receive_maximum": {Value: 20, Announced: 20}})
	same := report(map[string]probe.Fact{"packet_size": {Value: 100, Note: "two"}, "topic_levels": {Value: 8}, "receive_maximum": {Value: 20, Announced: 20}})
	other := report(map[string]probe.Fact{"packet_size": {Value: 100, AtLeast: true}, "receive_maximum": {Value: 20, Announced: 30}})
	if got := probe.Differences(a, same); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	var got []string
	for _, d := range probe.Differences(a, other) {
		got = append(got, fmt.Sprintf("%s %v %v", d.Entry.Key, d.KnownA, d.KnownB))
	}
	if want := []string{"packet_size true true", "receive_maximum true true", "topic_levels true false"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLeft: a broker that takes no connection any more keeps something, and that
// is told.
func TestLeft(t *testing.T) {
	against(t, nil, func(t *testing.T, b *broker.Broker, o probe.Options) {
		dial := o.Dial
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o.Dial = func(c context.Context) (net.Conn, error) {
			if ctx.Err() != nil {
				return nil, errors.New("no more")
			}
			return dial(c)
		}
		timer := time.AfterFunc(500*time.Millisecond, cancel)
		defer timer.Stop()
		r, err := probe.Run(ctx, o)
		if err == nil || r == nil {
			t.Fatalf("got %v, %v", r, err)
		}
		left := strings.Join(r.Left, "; ")
		for _, want := range []string{"the retained message mqtk-probe/x/expiry/later", "the session of mqtkprobe"} {
			if !strings.Contains(left, want) {
				t.Errorf("%s is not among: %s", want, left)
			}
		}
		o.Dial = dial
		tidyUp(t, o, r.Left)
	})
}

// tidyUp does what a probe could not, for against.
func tidyUp(t *testing.T, o probe.Options, left []string) {
	t.Helper()
	for _, what := range left {
		id, session := strings.CutPrefix(what, "the session of ")
		nc, err := o.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := client.NewConn(nc, client.ConnOptions{AutoFlush: true})
		if _, err := c.Handshake(t.Context(), &mqttwire.Connect{CleanStart: true, ClientID: id}); err != nil {
			t.Fatal(err)
		}
		if topic := strings.TrimPrefix(what, "the retained message "); !session {
			_ = c.WritePacket(&mqttwire.Publish{Topic: topic, Retain: true})
		}
		_ = c.Disconnect(nil)
	}
}

// rights say what may be done.
type rights func(a broker.Action, topic string) bool

func (r rights) Authorize(_ *broker.Identity, a broker.Action, topic string) bool { return r(a, topic) }

// TestRights: what we may not do is no fact about what the broker can.
func TestRights(t *testing.T) {
	for _, test := range []struct {
		name    string
		may     rights
		setting string
		unknown []string // of those that say yes or a number otherwise
	}{
		{"nothing", func(broker.Action, string) bool { return false }, "deny_action=ignore",
			[]string{"publish.maximum_qos", "publish.retained", "publish.will", "subscribe.wildcards", "subscribe.shared", "limits.topic_levels", "limits.packet_size", "sessions.offline_qos1", "times.qos0"}},
		{"nothing, else it ends", func(broker.Action, string) bool { return false }, "deny_action=disconnect",
			[]string{"publish.maximum_qos", "publish.retained", "publish.will", "subscribe.wildcards", "subscribe.shared", "limits.topic_levels", "limits.packet_size", "sessions.offline_qos1", "times.qos0"}},
		{"no wildcards", func(_ broker.Action, topic string) bool { return !strings.ContainsAny(topic, "+#") }, "deny_action=ignore",
			[]string{"subscribe.wildcards", "limits.topic_levels", "limits.topic_length", "subscribe.overlapping"}},
		{"no subscriptions", func(a broker.Action, _ string) bool { return a == broker.Publish }, "deny_action=ignore",
			[]string{"publish.maximum_qos", "subscribe.shared", "subscribe.no_local"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			againstRights(t, test.may, []string{test.setting}, func(t *testing.T, _ *broker.Broker, o probe.Options) {
				r, err := probe.Run(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				got := facts(r)
				for _, key := range test.unknown {
					if got[key] != "unknown" {
						t.Errorf("%s is %q", key, got[key])
					}
				}
				want := usual()
				want["subscribe.sys"] = "no"
				for key, value := range got {
					if strings.HasPrefix(key, "times.") || value == "unknown" || strings.HasPrefix(key, "subscribe.sys") {
						continue
					}
					if value != want[key] {
						t.Errorf("%s is %q, not %q or unknown", key, value, want[key])
					}
				}
			})
		})
	}
}

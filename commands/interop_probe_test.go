package commands

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mqtk/mqttwire/probe"
)

// probed runs inspect probe --json against brokers, one after the other, and
// gives the facts of each as "section.key" lines: value, then what is announced.
func probed(t *testing.T, words ...string) map[string]string {
	t.Helper()
	cmd := mqtkCommand(t, append([]string{"inspect", "probe", "--json", "-n", "3"}, words...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderrOf(err))
	}
	var report struct {
		Facts map[string]map[string]probe.Fact
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	all := map[string]string{}
	for section, facts := range report.Facts {
		for key, f := range facts {
			s := fmt.Sprint(f.Value)
			if f.AtLeast {
				s = ">= " + s
			}
			if f.Announced != nil && !f.Implied {
				s += fmt.Sprint(" | ", f.Announced)
			}
			all[section+"."+key] = s
		}
	}
	return all
}

func stderrOf(err error) string {
	if e, ok := err.(*exec.ExitError); ok {
		return string(e.Stderr)
	}
	return ""
}

// sayYes are facts that are true of each of the three brokers.
func sayYes() map[string]string {
	facts := map[string]string{
		"access.take_over":    "ends the first",
		"publish.maximum_qos": "2", "publish.response_information": "false", "publish.payload_format_checked": "false",
		"subscribe.granted_qos": "2", "limits.packet_size": ">= 1.048576e+06", "limits.topic_length": "65535",
		"limits.keep_alive_longest": "65535", "sessions.expiry_longest": "4.294967295e+09",
		"sessions.offline_qos0": "false", "sessions.offline_qos1": ">= 100",
	}
	for _, key := range []string{
		"versions.mqtt_3_1", "versions.mqtt_3_1_1", "versions.mqtt_5_0", "access.anonymous", "access.empty_client_id", "access.assigned_client_id",
		"publish.retained", "publish.message_expiry", "publish.message_expiry_queued", "publish.message_expiry_told", "publish.will", "publish.will_delay",
		"subscribe.wildcards", "subscribe.shared", "subscribe.identifiers", "subscribe.no_local", "subscribe.retain_as_published",
		"subscribe.retain_handling", "subscribe.sys", "limits.client_receive_maximum", "limits.client_packet_size", "limits.keep_alive_enforced",
		"sessions.kept", "sessions.expires", "sessions.ended_by_client",
	} {
		facts[key] = "true"
	}
	return facts
}

// quietly is mosquitto's default, and keeps startMosquitto from having it log each
// packet to a pipe that nobody empties.
const quietly = "log_type error\nlog_type warning\nlog_type information"

// TestProbeTells holds the lines of a report to what is known of three brokers,
// from their documentation and their source.
func TestProbeTells(t *testing.T) {
	for _, test := range []struct {
		name   string
		broker func(t *testing.T) string
		want   map[string]string // besides sayYes, or in place of it
	}{
		{"mqtk", func(t *testing.T) string { return startMqtk(t).url() }, map[string]string{
			"versions.unknown_level":      "CONNACK 0x84, as in 5.0",
			"access.connack":              "CONNACK Success receive-maximum=1024 maximum-packet-size=1048576 topic-alias-maximum=64",
			"access.auth_methods":         "[]",
			"access.client_id_length":     "256",
			"publish.topic_alias_maximum": "64 | 64", "publish.topic_alias_sent": "true", "publish.no_matching_subscribers": "true",
			"subscribe.overlapping":  "1",
			"limits.packet_size":     "1.048576e+06 | 1.048576e+06",
			"limits.receive_maximum": ">= 100 | 1024", "limits.topic_levels": "128", "limits.keep_alive_off": "true",
		}},
		{"mosquitto", func(t *testing.T) string { return startMosquitto(t, quietly).url() }, map[string]string{
			"versions.unknown_level":      "CONNACK 0x01, as in 3.x",
			"access.connack":              "CONNACK Success topic-alias-maximum=10 server-keep-alive=65535 receive-maximum=20",
			"access.auth_methods":         "[]",
			"access.client_id_length":     ">= 4096",
			"publish.topic_alias_maximum": "10 | 10", "publish.topic_alias_sent": "false", "publish.no_matching_subscribers": "true",
			"subscribe.overlapping":  "2",
			"limits.receive_maximum": "20 | 20", // max_inflight_messages
			"limits.topic_levels":    "201",     // TOPIC_HIERARCHY_LIMIT is of slashes
			"limits.keep_alive_off":  "false",   // max_keepalive
		}},
		{"mochi", func(t *testing.T) string { return mochiBroker(t) }, map[string]string{
			"versions.unknown_level":      "CONNACK 0x82, as in 5.0",
			"access.connack":              "CONNACK Success receive-maximum=1024",
			"access.auth_methods":         "<nil>",
			"access.client_id_length":     ">= 4096",
			"publish.topic_alias_maximum": ">= 1", "publish.topic_alias_sent": "true", "publish.no_matching_subscribers": "false",
			"subscribe.overlapping":  "1",
			"limits.receive_maximum": ">= 100 | 1024", "limits.topic_levels": ">= 1024", "limits.keep_alive_off": "true",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := sayYes()
			maps.Copy(want, test.want)
			tells(t, probed(t, test.broker(t)), want)
		})
	}
}

// tells compares all but the times, which must be there.
func tells(t *testing.T, got, want map[string]string) {
	t.Helper()
	timed := 0
	for _, key := range slices.Sorted(maps.Keys(got)) {
		switch value, known := want[key]; {
		case strings.HasPrefix(key, "times."):
			if timed++; !strings.Contains(got[key], "rounds:3") {
				t.Errorf("%s is %q", key, got[key])
			}
		case !known || got[key] != value:
			t.Errorf("%s is %q, not %q", key, got[key], value)
		}
	}
	if timed != 8 {
		t.Errorf("%d times", timed)
	}
	for key := range want {
		if _, ok := got[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
}

// TestProbeTellsSettings changes one setting of mosquitto at a time: those facts
// change that it is about, and no others.
func TestProbeTellsSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a few seconds for each setting")
	}
	plain := startMosquitto(t, quietly)
	for setting, want := range map[string][]string{
		"max_qos 1":                        {"access.connack", "publish.maximum_qos", "subscribe.granted_qos", "limits.receive_maximum", "times.qos2", "times.qos2_complete"},
		"retain_available false":           {"access.connack", "publish.retained", "publish.message_expiry", "publish.message_expiry_told", "subscribe.retain_as_published", "subscribe.retain_handling", "subscribe.sys"},
		"max_packet_size 2000":             {"access.connack", "access.client_id_length", "limits.packet_size", "limits.topic_length"},
		"message_size_limit 1000":          {"limits.packet_size"},
		"max_keepalive 100":                {"access.connack", "limits.keep_alive_longest"},
		"max_inflight_messages 5":          {"access.connack", "limits.receive_maximum"},
		"max_topic_alias 3":                {"access.connack", "publish.topic_alias_maximum"},
		"max_queued_messages 20":           {"sessions.offline_qos1"},
		"allow_zero_length_clientid false": {"access.empty_client_id", "access.assigned_client_id"},
		"queue_qos0_messages true":         {"sessions.offline_qos0"},
		"persistent_client_expiration 14d": nil,
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			out, err := mqtkCommand(t, "inspect", "probe", "--json", plain.url(), startMosquitto(t, setting).url()).Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, stderrOf(err))
			}
			var answer struct {
				Differences []struct{ Section, Key string }
			}
			if err := json.Unmarshal(out, &answer); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range answer.Differences {
				got = append(got, d.Section+"."+d.Key)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("different are %q, not %q\n%s", got, want, out)
			}
		})
	}
}

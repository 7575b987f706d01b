package commands

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/probe"
)

func TestInspectCheckJudges(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	o := checkOptions{AgeFrom: "ts"}
	for _, test := range []struct {
		name string
		got  finding
		want status
	}{
		{"fast", timed("x", probe.Duration{Took: 9 * time.Millisecond}, thresholdOf(t, "10ms,20ms")), statusOK},
		{"at the warning", timed("x", probe.Duration{Took: 10 * time.Millisecond}, thresholdOf(t, "10ms,20ms")), statusWarning},
		{"at the critical", timed("x", probe.Duration{Took: 20 * time.Millisecond}, thresholdOf(t, "10ms,20ms")), statusCritical},
		{"one threshold", timed("x", probe.Duration{Took: 19 * time.Millisecond}, thresholdOf(t, "20ms")), statusOK},
		{"none", timed("x", probe.Duration{Took: time.Hour}, nil), statusOK},
		{"silent", timed("x", probe.Duration{Err: errors.New("silence")}, thresholdOf(t, "20ms")), statusCritical},
		{"not allowed", timed("x", probe.Duration{Err: &probe.Refusal{Packet: mqttwire.PUBACK, Reason: mqttwire.NotAuthorized}}, thresholdOf(t, "20ms")), statusUnknown},

		{"31 days", daysLeft(probe.Expiry{NotAfter: now.AddDate(0, 0, 31)}, daysOf(t, "30,7"), now), statusOK},
		{"30 days", daysLeft(probe.Expiry{NotAfter: now.AddDate(0, 0, 30)}, daysOf(t, "30,7"), now), statusWarning},
		{"7 days", daysLeft(probe.Expiry{NotAfter: now.AddDate(0, 0, 7)}, daysOf(t, "30,7"), now), statusCritical},
		{"over", daysLeft(probe.Expiry{NotAfter: now.AddDate(0, 0, -1)}, daysOf(t, "30,7"), now), statusCritical},
		{"no handshake", daysLeft(probe.Expiry{Err: errors.New("no")}, daysOf(t, "7"), now), statusUnknown},

		{"young", o.aged(probe.Kept{Found: true, Payload: []byte(`{"ts":"2026-11-22T11:59:55Z"}`)}, *thresholdOf(t, "10,20"), now), statusOK},
		{"old", o.aged(probe.Kept{Found: true, Payload: []byte(`{"ts":"2026-11-22T11:59:45+00:00"}`)}, *thresholdOf(t, "10,20"), now), statusWarning},
		{"a bit of tomorrow", o.aged(probe.Kept{Found: true, Payload: []byte(`{"ts":"2026-11-22T12:00:00.9Z"}`)}, *thresholdOf(t, "10,20"), now), statusOK},
		{"tomorrow", o.aged(probe.Kept{Found: true, Payload: []byte(`{"ts":"2026-11-23T12:00:00Z"}`)}, *thresholdOf(t, "10,20"), now), statusUnknown},
		{"no time", o.aged(probe.Kept{Found: true, Payload: []byte(`{}`)}, *thresholdOf(t, "10,20"), now), statusUnknown},
		{"not there", o.aged(probe.Kept{}, *thresholdOf(t, "10,20"), now), statusCritical},
		{"not readable", o.aged(probe.Kept{Err: errors.New("no")}, *thresholdOf(t, "10,20"), now), statusUnknown},
	} {
		if test.got.Status != test.want {
			t.Errorf("%s: %v, not %v (%s)", test.name, test.got.Status, test.want, test.got.Detail)
		}
	}
}

func thresholdOf(t *testing.T, s string) *threshold {
	t.Helper()
	var limit *threshold
	if err := toTimes(&limit)(s); err != nil {
		t.Fatal(err)
	}
	return limit
}

func daysOf(t *testing.T, s string) threshold {
	t.Helper()
	var limit *threshold
	if err := toDays(&limit)(s); err != nil {
		t.Fatal(err)
	}
	return *limit
}

func TestInspectCheckThresholds(t *testing.T) {
	for _, s := range []string{"", ",", "x", "1s,", ",1s", "2s,1s", "-1", "1s,2s,3s"} {
		var limit *threshold
		if err := toTimes(&limit)(s); err == nil {
			t.Errorf("%q is taken for times", s)
		}
	}
	for _, s := range []string{"", "7,30", "1d", "-1", "70000"} {
		var limit *threshold
		if err := toDays(&limit)(s); err == nil {
			t.Errorf("%q is taken for days", s)
		}
	}
	for _, s := range []string{"topic", "=1s", "a/#=1s", "a=", "a=x"} {
		if err := new(checkOptions).addRetained(s); err == nil {
			t.Errorf("%q is taken for a retained age", s)
		}
	}
	var o checkOptions
	if err := o.addRetained("a=b=1s,2s"); err != nil || o.Retained[0].Topic != "a=b" {
		t.Errorf("got %v, %v", o.Retained, err)
	}
}

func TestTimeIn(t *testing.T) {
	want := time.Date(2026, 11, 22, 10, 0, 0, 250e6, time.UTC)
	for _, test := range []struct{ payload, path string }{
		{"2026-11-22T10:00:00.25Z", ""},
		{" 2026-11-22T11:00:00.25+01:00\n", ""},
		{"1795341600.25", ""},
		{"1795341600250", ""},
		{"1795341600250000", ""},
		{"1795341600250000000", ""},
		{`{"ts":1795341600.25}`, "ts"},
		{`{"a":[0,{"t":"2026-11-22T10:00:00.25Z"}]}`, "a.1.t"},
		{`{"ts":1795341600250}{"more":1}`, "ts"},
	} {
		got, err := timeIn([]byte(test.payload), test.path)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s at %q: %v, %v", test.payload, test.path, got, err)
		}
	}
	for _, test := range []struct{ payload, path string }{
		{"", ""}, {"yesterday", ""}, {"-5", ""}, {"0", ""}, {"Inf", ""}, {"1e999999999", ""}, {"{}", ""},
		{"{}", "ts"}, {`{"ts":null}`, "ts"}, {`{"ts":true}`, "ts"}, {`{"ts":{}}`, "ts"}, {"[1]", "1"}, {"[1]", "-1"}, {"no JSON", "ts"}, {`{"ts":1}`, "ts.x"},
	} {
		if got, err := timeIn([]byte(test.payload), test.path); err == nil {
			t.Errorf("%s at %q is %v", test.payload, test.path, got)
		}
	}
}

func FuzzTimeIn(f *testing.F) {
	f.Add([]byte(`{"a":[0,{"t":"2026-11-22T10:00:00.25Z"}]}`), "a.1.t")
	f.Add([]byte("1795341600.25"), "")
	f.Add([]byte("1e308"), "")
	f.Fuzz(func(t *testing.T, payload []byte, path string) {
		if at, err := timeIn(payload, path); err != nil && !at.IsZero() {
			t.Errorf("both %v and %v", at, err)
		}
	})
}

// TestInspectCheckHostile: what a broker or a topic says stays within its field.
func TestInspectCheckHostile(t *testing.T) {
	value := 1.5
	all := []finding{{Name: "retained_age", Topic: "a'b|c=\"d\"\\e", Status: statusCritical, Value: &value, Unit: "s", Detail: "a | bar\nand a line\x1b[2J"}}
	for _, format := range []string{formatText, formatNagios, formatPrometheus, formatJSON} {
		var out bytes.Buffer
		p := newCheckPrinter(&program{Stdio: Stdio{Out: &out, Err: io.Discard}, getenv: func(string) string { return "" }}, format)
		if err := p.print("mqtt://h:1883", all); err == nil {
			t.Errorf("%s: no error", format)
		}
		text := out.String()
		if strings.ContainsRune(text, 0x1b) {
			t.Errorf("%s holds a control character: %q", format, text)
		}
		if want := map[string]string{
			formatNagios:     `MQTT CRITICAL - mqtt://h:1883: retained_age a'b/c="d"\e 1.5 s (a / bar\nand a line\x1b[2J) | 'retained_age a_b_c_"d"\e'=1.5s;;` + "\n",
			formatPrometheus: `mqtk_check_retained_age_seconds{broker="mqtt://h:1883",topic="a'b|c=\"d\"\\e"} 1.5` + "\n",
		}[format]; !strings.Contains(text, want) {
			t.Errorf("%s is %s, without %s", format, text, want)
		}
	}
}

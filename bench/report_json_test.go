package bench

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

// fullSample has something of everything.
func fullSample() *Result {
	r := sampleOf(Pairs)
	r.Counts.Duplicated, r.Counts.Reordered = 3, 2
	r.Connections.Refused = map[string]int{"NotAuthorized": 1}
	r.Connections.Failed = map[string]int{"connection refused": 2}
	r.Phases = []Phase{{"store", 1000, 0.25}}
	r.Broker = &Process{PID: 4711, Seconds: 10, CPUSeconds: 0.1, RSS: 12e6, PeakRSS: 13e6, Threads: 2}
	r.Series[0].BrokerCPU, r.Series[0].BrokerRSS = 0.12, 11e6
	r.Generator.Limited, r.Generator.Why = true, "one thread was busy all the time"
	r.Failures = []Failure{{LostConnection, "1 connection ended before its time"}}
	r.Notes = []string{"a note"}
	r.Judged = []Judgement{{true, "p99<10ms: 313 µs, kept"}}
	return r
}

func TestJSON(t *testing.T) {
	r := fullSample()
	r.Runs = []*Result{sampleOf(Pairs), sampleOf(Pairs)}
	r.Runs[0].Runs = []*Result{sampleOf(Pairs)} // goes no deeper
	for name, r := range map[string]*Result{"full.json": r, "pub.json": sampleOf(PubOnly), "churn.json": sampleOf(Churn), "empty.json": {}} {
		text, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := json.Indent(&b, text, "", "\t"); err != nil {
			t.Fatal(err)
		}
		golden(t, name, append(b.Bytes(), '\n'))
	}
}

// TestJSONOnce: every key is there once, and every figure of the table.
func TestJSONOnce(t *testing.T) {
	d := json.NewDecoder(bytes.NewReader(mustJSON(t, fullSample())))
	seen, depth, key := map[string]bool{}, 0, true
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		if delim, ok := token.(json.Delim); ok {
			depth += map[bool]int{true: 1, false: -1}[delim == '{' || delim == '[']
			key = true
			continue
		}
		if depth == 1 && key {
			if seen[token.(string)] {
				t.Errorf("%v is there twice", token)
			}
			seen[token.(string)] = true
		}
		if depth == 1 {
			key = !key
		}
	}
	for _, m := range Metrics() {
		if name := home(m); !seen[m.place()] && !seen[name] {
			t.Errorf("%s is not there", m.Name)
		}
	}
}

func mustJSON(t testing.TB, r *Result) []byte {
	t.Helper()
	text, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("\n")) || bytes.Contains(text, []byte(`\u003c`)) {
		t.Fatalf("not a line as it is: %s", text)
	}
	return text
}

func TestRecord(t *testing.T) {
	r := fullSample()
	r.Runs = []*Result{sampleOf(Pairs), sampleOf(PubOnly)}
	saved, err := ReadRecord(mustJSON(t, r))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(saved.Head, r.head()) || saved.Environment != r.Environment || saved.OK || !reflect.DeepEqual(saved.Notes, r.Notes) {
		t.Errorf("%+v", saved)
	}
	if len(saved.Runs) != 2 || saved.Runs[1].Shape != PubOnly || !saved.Runs[0].OK {
		t.Errorf("runs: %+v", saved.Runs)
	}
	for _, pair := range []struct {
		saved Record
		r     *Result
	}{{*saved, r}, {saved.Runs[0], r.Runs[0]}, {saved.Runs[1], r.Runs[1]}} {
		for _, m := range Metrics() {
			want, known := m.Of(pair.r)
			got, there := pair.saved.Values[m.Name]
			if known != there || math.Abs(got-want) > 0.5*math.Pow10(-m.decimals())+1e-9 {
				t.Errorf("%s: %v %v, want %v %v", m.Name, got, there, want, known)
			}
		}
	}
}

// TestRecordOfLater: what a later version adds does no harm.
func TestRecordOfLater(t *testing.T) {
	text := bytes.Replace(mustJSON(t, sampleOf(Pairs)), []byte("{"), []byte(`{"colour":{"a":[1]},`), 1)
	text = bytes.Replace(text, []byte(`"latency_us":{`), []byte(`"latency_us":{"p75":3,`), 1)
	r, err := ReadRecord(text)
	if err != nil || r.Values["p99"] == 0 {
		t.Errorf("%v %v", r, err)
	}
	r, err = ReadRecord([]byte(`{"mqtk":"0.1","shape":"pairs"}`))
	if err != nil || len(r.Values) != 0 {
		t.Errorf("%v %v", r, err)
	}
}

func TestRecordRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "it ends early",
		`{"mqtk":"1","shape":`:   "it ends early",
		"hello":                  "not the JSON of mqtk bench --json: invalid character",
		"[]":                     "it is: array",
		"null":                   "not a result that mqtk bench --json has written",
		`{"delivered":3}`:        "not a result that mqtk bench --json has written",
		`{"mqtk":"1","shape":3}`: "shape is not what mqtk bench --json writes there: it is: number",
		`{"mqtk":"1","shape":"x","delivered":"3"}`:          "delivered: not what",
		`{"mqtk":"1","shape":"x","latency_us":3}`:           "latency_us: not what",
		`{"mqtk":"1","shape":"x","phases":{}}`:              "phases: not what",
		`{"mqtk":"1","shape":"x","runs":[{}]}`:              "run 1 in it: this is JSON",
		`{"mqtk":"1","shape":"x","runs":3}`:                 "runs is not what",
		`{"mqtk":"1","shape":"x","limited_by_generator":3}`: "limited_by_generator: not what",
		`{"mqtk":"1","shape":"x"} {}`:                       "after top-level value",
	} {
		if _, err := ReadRecord([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

// TestHeadWithout: what a plan does without is null.
func TestHeadWithout(t *testing.T) {
	r := sampleOf(Pairs)
	r.Plan.Warmup, r.Plan.Outstanding, r.Plan.Rate, r.Plan.Messages = -1, -1, 0, 0
	if h := r.head(); h.Warmup != 0 || h.Outstanding != nil || h.Rate != nil || h.Messages != nil || *h.Window != 100 {
		t.Errorf("%+v", h)
	}
	r.Plan.QoS, r.Plan.Outstanding = 0, 1000
	if h := r.head(); h.Window != nil || *h.Outstanding != 1000 {
		t.Errorf("%+v", h)
	}
	r.Plan.Rate = 3
	if h := r.head(); h.Outstanding != nil {
		t.Errorf("%+v", h)
	}
}

func TestRound(t *testing.T) {
	for _, test := range []struct {
		v        float64
		decimals int
		want     float64
	}{{1.25, 1, 1.3}, {0.04, 1, 0}, {1e300, 6, 1e300}, {-2.5, 0, -3}} {
		if got := round(test.v, test.decimals); got != test.want {
			t.Errorf("round(%v, %d) is %v", test.v, test.decimals, got)
		}
	}
}

func FuzzReadRecord(f *testing.F) {
	f.Add(mustJSON(f, fullSample()))
	f.Add([]byte(`{"mqtk":"1","shape":"x","phases":[{"name":"store"}],"runs":[{"mqtk":"1","shape":"pub"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ReadRecord(text)
		if (r == nil) == (err == nil) {
			t.Errorf("%v %v", r, err)
		}
	})
}

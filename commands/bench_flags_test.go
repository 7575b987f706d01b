package commands

import (
	"encoding/json"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestParseCount(t *testing.T) {
	for text, want := range map[string]float64{"2000": 2000, "2k": 2000, "1.5M": 1.5e6, "0.5": 0.5, "3K": 3000} {
		if got, err := parseCount(text); err != nil || got != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "k", "inf", "NaN", "-1", "0x10", "1e3", "1_000", "2kk", "1 0"} {
		if got, err := parseCount(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestToSizes(t *testing.T) {
	for text, want := range map[string][2]int{"64": {64, 64}, "1k": {1024, 1024}, "16-2K": {16, 2048}, "1kB-64KiB": {1024, 65536}, "1M": {1 << 20, 1 << 20}} {
		var low, high int
		if err := toSizes(&low, &high)(text); err != nil || low != want[0] || high != want[1] {
			t.Errorf("%s: %d to %d, %v", text, low, high, err)
		}
	}
	for _, text := range []string{"", "k", "15", "1kk", "1i", "64k-1k", "-1k", "1G", "300M", "2000000000M", "1.5k", "0x40"} {
		if err := toSizes(new(int), new(int))(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestParseRows(t *testing.T) {
	rows, err := parseRows("pairs/0  fan-out/2/1024,shared/1")
	if want := []tableRow{{"pairs", 0, 0}, {"fan-out", 2, 1024}, {"shared", 1, 0}}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("got %v, %v", rows, err)
	}
	if _, err := parseRows(defaultRows); err != nil {
		t.Errorf("the default rows: %v", err)
	}
	for _, text := range []string{"", " ", "pairs", "pairs/3", "pairs/00", "ramp/0", "pairs/0/5", "pairs/0/16-99", "pairs/0/64/1", "/0"} {
		if rows, err := parseRows(text); err == nil {
			t.Errorf("%q is %v", text, rows)
		}
	}
}

func TestSplitWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                    nil,
		"  a  b\tc\n":                         {"a", "b", "c"},
		`sh -c "exec b -p {port}"`:            {"sh", "-c", "exec b -p {port}"},
		`a 'b "c' "d 'e" f\ g \"h`:            {"a", `b "c`, "d 'e", "f g", `"h`},
		`x''y '' ""`:                          {"xy", "", ""},
		`'a\b' "a\\b"`:                        {`a\b`, `a\b`},
		`unclosed 'quote is closed by an end`: {"unclosed", "quote is closed by an end"},
	} {
		if got := splitWords(text); !slices.Equal(got, want) {
			t.Errorf("%s\n%q, want %q", text, got, want)
		}
	}
}

// Words that are quoted as a shell wants it come out as they were.
func FuzzSplitWords(f *testing.F) {
	f.Add("mosquitto\n-p\n{port}")
	f.Add("sh\n-c\nexec 'a' \\ \"b\"")
	f.Fuzz(func(t *testing.T, text string) {
		words := strings.Split(text, "\n")
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = shellQuote(w)
		}
		if got := splitWords(strings.Join(quoted, " ")); !slices.Equal(got, words) {
			t.Errorf("%q became %q", words, got)
		}
	})
}

// Flags in front of a subcommand are those of the subcommand, by whatever name.
func TestArgvFlagsBeforeSubcommand(t *testing.T) {
	path, line, err := parseCommandLine(Tree(), []string{"bench", "-c", "3", "-p", "1884", "pub", "-q", "1"})
	if err != nil || commandName(path) != "mqtk bench pub" || !slices.Equal(line.Flags, []string{"--clients=3", "--port=1884", "--qos=1"}) {
		t.Errorf("%s %v %v", commandName(path), line.Flags, err)
	}
	for _, f := range line.given {
		if !slices.Contains(path[2].Flags, f) {
			t.Errorf("%s is not that of bench pub", flagNames(f)[0])
		}
	}
	path, line, err = parseCommandLine(Tree(), []string{"bench", "-c", "3", "-s", "64", "crash", "--", "x"})
	if err != nil || !slices.Equal(line.Flags, []string{"--c=3", "--size=64"}) {
		t.Errorf("%s %v %v", commandName(path), line.Flags, err)
	}
	if _, _, err = parseCommandLine(Tree(), []string{"bench", "--find-max", "conn"}); err == nil || !strings.Contains(err.Error(), "unknown flag --find-max") {
		t.Errorf("bench --find-max conn: %v", err)
	}
}

// What is typed stands in the report, and no secret with it.
func TestTyped(t *testing.T) {
	path, line, err := parseCommandLine(Tree(), []string{"bench", "-P", "geheim", "-L", "mqtt://a:b@h:1/?x", "--csv", "-r", "--proxy=socks5://u:p@x",
		"--password-from", "cmd:pass show", "-D", "publish", "user-property", "a", "b", "--ws-header", "Authorization: Bearer x", "-q1"})
	if err != nil {
		t.Fatal(err)
	}
	p := &program{path: path, line: line}
	want := "mqtk bench -P *** -L mqtt://***@h:1/?x --csv -r --proxy socks5://***@x --password-from *** -D publish user-property a b --ws-header *** -q 1"
	if got := strings.Join(p.typed(), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// benchFigures runs bench with --json.
func benchFigures(t *testing.T, args ...string) map[string]any {
	t.Helper()
	out, err := mqtkCommand(t, append([]string{"bench", "--json", "--warmup", "0.02"}, args...)...).Output()
	if exit, failed := err.(*exec.ExitError); failed {
		t.Fatalf("mqtk bench %q: %v\n%s", args, err, exit.Stderr)
	}
	var figures map[string]any
	if err := json.Unmarshal(out, &figures); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return figures
}

// The figures of every shape are there and add up.
func TestBenchJSONAddsUp(t *testing.T) {
	for _, args := range []string{"--shape pairs -n 500", "--shape pairs -q 1 -z 0.1 --rate 2000", "--shape pairs -q 2 -n 300", "--shape fan-in -q 1 -n 500",
		"--shape fan-out -q 1 -n 50 -c 7", "--shape shared -q 1 -n 500"} {
		t.Run(args, func(t *testing.T) {
			f := benchFigures(t, strings.Fields(args)...)
			n := func(key string) float64 {
				v, ok := f[key].(float64)
				if !ok {
					t.Fatalf("%s is %v", key, f[key])
				}
				return v
			}
			if n("sent") != n("acknowledged")+n("refused")+n("unacknowledged") {
				t.Errorf("sent %v is not %v + %v + %v", n("sent"), n("acknowledged"), n("refused"), n("unacknowledged"))
			}
			if n("expected") != n("delivered")+n("lost") || n("delivered") < 100 {
				t.Errorf("expected %v is not delivered %v + lost %v", n("expected"), n("delivered"), n("lost"))
			}
			if rate := n("delivered") / n("seconds"); math.Abs(rate/n("delivered_per_second")-1) > 0.01 {
				t.Errorf("%v in %v s are not %v/s", n("delivered"), n("seconds"), n("delivered_per_second"))
			}
			latency, _ := f["latency_us"].(map[string]any)
			last := 0.0
			for _, key := range []string{"p50", "p90", "p95", "p99", "p99_9", "p99_99", "max"} {
				v, ok := latency[key].(float64)
				if !ok || v < last || v == 0 {
					t.Errorf("latency_us.%s is %v after %v", key, latency[key], last)
				}
				last = v
			}
			if latency["count"] != n("delivered") || n("duplicated") != 0 || n("lost") != 0 || f["ok"] != true || f["in_process"] != true {
				t.Errorf("count %v, duplicated %v, lost %v, ok %v, in_process %v", latency["count"], n("duplicated"), n("lost"), f["ok"], f["in_process"])
			}
			if _, ok := f["limited_by_generator"].(bool); !ok || n("generator_cpu_us_per_message") <= 0 {
				t.Errorf("limited_by_generator %v, generator_cpu_us_per_message %v", f["limited_by_generator"], f["generator_cpu_us_per_message"])
			}
		})
	}
}

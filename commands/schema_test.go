package commands

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compiledSchema is what mqtk help --schema sub prints, or the part of it below
// the pointer, as a library of others reads it.
func compiledSchema(t *testing.T, pointer string) *jsonschema.Schema {
	t.Helper()
	out, err := mqtkCommand(t, "help", "--schema", "sub").Output()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("urn:mqtk:schema:sub", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:mqtk:schema:sub" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	if s.DraftVersion != 2020 {
		t.Errorf("draft %d", s.DraftVersion)
	}
	return s
}

func validates(t *testing.T, s *jsonschema.Schema, line string) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return s.Validate(value)
}

// schemaTraffic is a message for every key that a line can have.
func schemaTraffic() [][]string {
	all := strings.Split("-D publish user-property a 1 --user-property b=2 --content-type text/plain --response-topic r/t --correlation-data id-1 --message-expiry 5m --payload-format utf8", " ")
	return [][]string{
		{"j/plain", "hello"},
		{"j/empty", "-n"},
		{"j/1", "-q", "1", "grüße \"\\\x7f"},
		{"j/2", "-q", "2", "-r", "kept"},
		append([]string{"j/all", "{}"}, all...),
		{"j/bytes", "\xff\xfe"},
		{"j/odd ☃\" \\", "x"},
		{"j/binary", "x", "--correlation-data", "\xff\x00"[:1]},
		{"j/twice", "x", "--user-property", "a=1", "--user-property", "a=2", "--user-property", "=", "--payload-format", "bytes"},
		{"j/mixed", "x", "--user-property", "a=1", "--user-property", "b=2", "--user-property", "a=3"},
	}
}

// Each line of sub --json is what the schema says, and the schema has no key
// that never comes.
func TestSchemaOfSub(t *testing.T) {
	b, s := startMqtk(t), compiledSchema(t, "")
	traffic := schemaTraffic()
	lines := jsonLines(t, b, traffic, "-q", "2", "--sub-id", "7", "j/#")
	lines = append(lines, jsonLines(t, b, traffic[4:5], "-c", "-i", "overlap", "-V", "5", "j/+")...)
	lines = append(lines, jsonLines(t, b, traffic[:4], "-q", "2", "-V", "311", "j/#")...)
	seen := map[string]bool{}
	for _, line := range lines {
		if err := validates(t, s, line); err != nil {
			t.Errorf("%s\n%v", line, err)
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatal(err)
		}
		if properties, ok := object["properties"].(map[string]any); ok {
			for key := range properties {
				seen["properties."+key] = true
			}
		}
		for key := range object {
			seen[key] = true
		}
	}
	delete(seen, "properties")
	if got, want := slices.Sorted(maps.Keys(seen)), schemaKeys(); !slices.Equal(got, want) {
		t.Errorf("lines have the keys %q, and the schema %q", got, want)
	}
}

// schemaKeys lists the keys of the schema but the topic alias, for which sub
// would have to ask the broker, and which TestSchemaSaysNo has.
func schemaKeys() []string {
	s := messageSchema()
	keys := slices.Collect(maps.Keys(s.Properties))
	for key := range s.Properties["properties"].Properties {
		if key != "topic-alias" {
			keys = append(keys, "properties."+key)
		}
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return key == "properties" })
	slices.Sort(keys)
	return keys
}

// jsonLines has sub print what is published meanwhile.
func jsonLines(t *testing.T, b testBroker, traffic [][]string, flags ...string) (lines []string) {
	t.Helper()
	flags = append([]string{"sub", "-L", b.url(), "--json", "-d", "-W", "30"}, flags...)
	sub := launch(t, mqtkCommand(t, flags...))
	sub.next("< SUBACK")
	for _, words := range slices.Concat(traffic, [][]string{{"j/end", "x"}}) {
		out, err := mqtkCommand(t, append([]string{"pub", "-L", b.url()}, words...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("pub %q: %v\n%s", words, err, out)
		}
	}
	for {
		line := sub.next(`{"tst"`)
		if strings.Contains(line, "j/end") {
			sub.kill()
			return lines
		}
		lines = append(lines, line)
	}
}

// The schema says no to lines that are none of sub --json.
func TestSchemaSaysNo(t *testing.T) {
	s := compiledSchema(t, "")
	const good = `{"tst":"2026-11-22T08:00:00.123456+0000","ts":"2026-11-22T08:00:00.123456789Z","topic":"a","qos":1,"retain":0,"dup":0,"payloadlen":1,"mid":1,"properties":{"topic-alias":3},"payload":"x"}`
	if err := validates(t, s, good); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"topic":"a",`, ``}, {`"topic":"a"`, `"topic":""`}, {`"qos":1`, `"qos":3`}, {`"qos":1`, `"qos":0`}, {`"qos":1`, `"qos":"1"`},
		{`"mid":1,`, ``}, {`"mid":1`, `"mid":0`}, {`"retain":0`, `"retain":true`}, {`,"payload":"x"`, ``},
		{`"payload":"x"`, `"payload":"x","payload_b64":"eA=="`}, {`"payload":"x"`, `"payload_b64":"e"`}, {`"payload":"x"`, `"payload":{}`},
		{`"payload":"x"`, `"payload":"x","more":1`}, {`"topic-alias":3`, `"topic-alias":0`}, {`"topic-alias":3`, `"nonsense":3`},
		{`"topic-alias":3`, `"will-delay-interval":3`}, {`"topic-alias":3`, `"user-properties":{"a":["b"]}`},
		{`"topic-alias":3`, `"user-property-list":[["a"],["b"],["c"]]`}, {`"topic-alias":3`, `"payload-format-indicator":2`},
		{`.123456789Z`, `Z`}, {`.123456789Z`, `.12345678Z`}, {`2026-11-22T08:00:00.123456789Z`, `2026-13-22T08:00:00.123456789Z`}, {`.123456+0000`, `Z`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%s is not in the line", change[0])
		}
		if validates(t, s, bad) == nil {
			t.Errorf("%s is allowed", bad)
		}
	}
}

// What stderr says with --json is a warning or an error of the schema.
func TestSchemaOfStderr(t *testing.T) {
	parts := map[string]*jsonschema.Schema{}
	for _, name := range []string{"warning", "error", "verdict"} {
		parts[name] = compiledSchema(t, "#/$defs/"+name)
	}
	b := startMqtk(t)
	for _, test := range []struct {
		args  string
		code  int
		lines []string // what each is
	}{
		{"sub a --json -F %t", exitUsage, []string{"error"}},
		{"sub a --json -h 127.0.0.1 -p 1 --retry 1 --retry-wait 1ms", exitUnreachable, []string{"warning", "error"}},
		{"sub a --json --expect payload=x --seq -W 0.1 -L " + b.url(), exitUnexpected, []string{"verdict"}},
		{"sub a --json --expect never -W 0.1 -L " + b.url(), exitDone, []string{"verdict"}},
	} {
		var stderr bytes.Buffer
		cmd := mqtkCommand(t, strings.Fields(test.args)...)
		cmd.Stderr = &stderr
		_ = cmd.Run()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != test.code {
			t.Errorf("%s does not end with %d", test.args, test.code)
		}
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		if len(lines) < len(test.lines) {
			t.Fatalf("%s says %q", test.args, lines)
		}
		for i, line := range lines {
			name := test.lines[min(i, len(test.lines)-1)]
			if strings.HasPrefix(line, `{"error"`) {
				name = "error" // of a verdict, too
			}
			if err := validates(t, parts[name], line); err != nil {
				t.Errorf("%s\n%v", line, err)
			}
		}
	}
}

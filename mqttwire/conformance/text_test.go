package conformance

import (
	"reflect"
	"strings"
	"testing"
)

// TestTextIsTheScript: what a script writes of itself is read as the same.
func TestTextIsTheScript(t *testing.T) {
	scripts, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		again, err := Parse(s.File, s.Text())
		if err != nil || len(again) != 1 {
			t.Errorf("%s: %d scripts, %v\n%s", s.Name(), len(again), err, s.Text())
			continue
		}
		got, want := plainCopy(again[0]), plainCopy(s)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%+v\nwant\n%+v\n%s", s.Name(), got, want, s.Text())
		}
	}
}

// plainCopy is a script without its place.
func plainCopy(s *Script) Script {
	c := *s
	c.File, c.Line, c.Number = "", 0, 0
	c.steps = nil
	for _, st := range s.steps {
		st.line = 0
		c.steps = append(c.steps, st)
	}
	return c
}

func TestBrief(t *testing.T) {
	x := strings.Repeat("x", 300)
	for _, test := range [][2]string{
		{"PUBLISH topic=a payload=" + x, "PUBLISH topic=a payload=*300"},
		{"PUBLISH topic=" + x + "/" + x + " qos=1", "PUBLISH topic=*300/*300 qos=1"},
		{"PUBLISH topic=xxx", "PUBLISH topic=xxx"},
		{strings.Repeat("7", 250), strings.Repeat("7", 240) + "... (250 characters)"},
	} {
		if got := brief(test[0], 240); got != test[1] {
			t.Errorf("%s: got %s, want %s", test[0], got, test[1])
		}
	}
}

// TestCheck: what cannot be written is found before it is played, and what the
// scripts send can be.
func TestCheck(t *testing.T) {
	scripts, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		if r := s.Check(); r != nil {
			t.Errorf("%s: %v", s.Name(), r)
		}
	}
	for text, step := range map[string]int{
		"1> CONNECT\n1< CONNACK\n1> PUBLISH topic=a qos=1":                                       3,
		"1> PUBLISH topic=a/+":                                                                   1,
		"1> CONNECT\n1< PUBLISH packet-id=$p\n1> PUBACK packet-id=$p":                            0,
		"1> CONNECT version=4\n1> PUBLISH topic=a qos=1":                                         0,
		"1> CONNECT client-id=${id}\n1> PUBLISH topic=${topic} qos=1 packet-id=$no payload=*300": 0,
	} {
		got := 0
		if r := parsed(t, text)[0].Check(); r != nil {
			got = r.Step
		}
		if got != step {
			t.Errorf("%q: got step %d, want %d", text, got, step)
		}
	}
}

package commands

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// mosquitto queues 1,000 messages (here 300) for a subscriber and drops the rest of the
// retained ones: with 20 of them under way most do not come at QoS 1 and 2.
func TestInspectRetainedMissesNothing(t *testing.T) {
	b := startMosquitto(t, "max_queued_messages 300")
	var lines bytes.Buffer
	for i := range 1500 {
		fmt.Fprintf(&lines, `{"topic":"many/%d","qos":%d,"retain":1,"payload":"%[1]d"}`+"\n", i, i%3)
	}
	cmd := mqtkCommand(t, "inspect", "retained", "import", b.url())
	cmd.Stdin = &lines
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, version := range []string{"311", "5"} {
		out, err := mqtkCommand(t, "inspect", "retained", "ls", "-W", "30", "-V", version, b.url(), "many/#").Output()
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]int)
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); f[0] != "QOS" {
				seen[f[3]]++
				var i int
				if _, err := fmt.Sscanf(f[3], "many/%d", &i); err != nil || f[0] != fmt.Sprint(i%3) {
					t.Fatalf("%s: %q", version, line)
				}
			}
		}
		if len(seen) != 1500 {
			t.Errorf("%s: %d of 1500 topics are listed", version, len(seen))
		}
		for topic, n := range seen {
			if n > 1 {
				t.Errorf("%s: %s is listed %d times", version, topic, n)
			}
		}
	}
}

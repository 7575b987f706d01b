package commands

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// TestFullTree: what finds no room in the tree is no part of a total that looks
// exact.
func TestFullTree(t *testing.T) {
	var out bytes.Buffer
	tree := &treePrinter{out: &out}
	for i := range watchTopics + 10 {
		if err := tree.take(&mqttwire.Publish{Topic: fmt.Sprint(i)}, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.close(); err != nil {
		t.Fatal(err)
	}
	if want := "\n65546 messages of at least 65536 topics: the tree has no room for more than 65536 levels, nor for topics of more than 100\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("...%s", out.String()[out.Len()-100:])
	}
}

// TestFullTreeOfFewTopics: levels fill the tree, not topics, and one that is just
// full knows all its topics.
func TestFullTreeOfFewTopics(t *testing.T) {
	r := newLiveRig(t, &topicTree{}, 80, 5)
	for i := range watchTopics / 4 {
		if err := r.show(&mqttwire.Publish{Topic: fmt.Sprintf("%d/a/b/c", i)}, r.now); err != nil {
			t.Fatal(err)
		}
	}
	r.gets()
	if sum := r.screen.drawn[3]; !strings.HasPrefix(sum, "16384 messages of 16384 topics, ") {
		t.Error(sum)
	}
	r.gets([2]string{"7/more", "x"})
	if sum := r.screen.drawn[3]; !strings.HasPrefix(sum, "16385 messages of at least 16384 topics, ") {
		t.Error(sum)
	}
	if n := r.view.(*topicTree).root.below[0].meter.count; n != 1 {
		t.Errorf("the first level counts %d messages", n)
	}
}

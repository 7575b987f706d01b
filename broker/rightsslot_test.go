package broker

import "testing"

// What was found out before somebody else kept something is not kept over it.
func TestRightsAreReplacedOnce(t *testing.T) {
	var r Rights
	first, second := new(int), new(int)
	r.Replace(nil, first)
	if r.Load() != first {
		t.Fatal("an empty slot keeps nothing")
	}
	r.Replace(nil, second)
	if r.Load() != first {
		t.Error("what is kept by now is gone")
	}
	r.Replace(first, second)
	if r.Load() != second {
		t.Error("what was kept before is kept still")
	}
	var none *Rights
	none.Replace(nil, first)
	if none.Load() != nil {
		t.Error("no slot keeps something")
	}
}

package commands

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What is said of flags of others names flags that there are.
func TestFlagsElsewhere(t *testing.T) {
	root := Tree()
	pub, sub := root.Command("pub"), root.Command("sub")
	source, err := os.ReadFile("absent.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(source), "func sameElsewhere(")
	named := 0
	for _, m := range regexp.MustCompile(`return "--([a-z-]+)`).FindAllStringSubmatch(list, -1) {
		named++
		if findFlag(pub, m[1]) == nil && findFlag(sub, m[1]) == nil {
			t.Errorf("neither pub nor sub has --%s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`"--([A-Za-z_-]+)"[,:]`).FindAllStringSubmatch(list, -1) {
		if findFlag(pub, m[1]) != nil && findFlag(sub, m[1]) != nil {
			t.Errorf("pub and sub have --%s themselves", m[1])
		}
	}
	if named < 20 {
		t.Errorf("only %d flags are named", named)
	}
}

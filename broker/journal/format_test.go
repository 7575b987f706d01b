package journal

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFormat1 opens a journal that the first release wrote, with records of
// every kind in both generations. It must show the same in every later one.
//
// Files and picture are never made anew; those of another format go beside them.
// They are made when the directory is not there.
func TestFormat1(t *testing.T) {
	directory := filepath.Join("testdata", "format1")
	if _, err := os.Stat(directory); err != nil {
		makeFormat(t, directory)
	}
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(directory)); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(copied, "picture"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it goes on as a journal
		j, err := Open(Options{Dir: copied, SegmentSize: 1 << 10})
		if err != nil {
			t.Fatal(err)
		}
		p, told, err := reopened(j)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.lines(told); got != string(want) {
			t.Errorf("it shows\n%s\nand showed\n%s", got, want)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// lines are a picture as a file.
func (p picture) lines(told highest) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintln(&b, key, p[key])
	}
	fmt.Fprintln(&b, "highest", told.incarnation, told.deliveries, told.changes)
	return b.String()
}

func makeFormat(t *testing.T, directory string) {
	t.Helper()
	d, lines := newFaultyDisk(1), ""
	synctest.Test(t, func(t *testing.T) {
		traffic := newTraffic(0)
		traffic.largest = 200
		j, err := openIn(Options{SegmentSize: 1 << 10}, d)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := reopened(j); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			time.Sleep(time.Minute)
			events := traffic.next()
			traffic.mind.apply(events)
			if err := j.Append(events, nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		again, err := openIn(Options{}, d.contents().disk())
		if err != nil {
			t.Fatal(err)
		}
		p, told, err := reopened(again)
		if err != nil {
			t.Fatal(err)
		}
		if difference := traffic.mind.picture(0).difference(p, "expected", "found"); len(difference) > 0 {
			t.Fatal(difference)
		}
		lines = p.lines(told)
		again.Close()
		d.crash()
		j.Close()
	})
	files := d.contents()
	files["picture"] = []byte(lines)
	delete(files, reserveName)
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(directory, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

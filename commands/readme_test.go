package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeTour runs each block of four chapters of README.md against a broker of
// its own and compares what it prints with the lines that begin with "#> ".
func TestReadmeTour(t *testing.T) {
	t.Parallel()
	needProgram(t, "sh")
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, chapter := range []string{"A tour", "Shell craft", "Doors and locks", "Looking closely"} {
		_, tour, _ := strings.Cut(string(text), "\n## "+chapter+"\n")
		tour, _, _ = strings.Cut(tour, "\n## ")
		found := strings.Split(tour, "```sh\n")[1:]
		if len(found) < 4 {
			t.Fatalf("%s: only %d blocks found", chapter, len(found))
		}
		blocks = append(blocks, found...)
	}
	b := startMqtk(t)
	folder := tourPrograms(t, b)
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		first, _, _ := strings.Cut(strings.TrimPrefix(block, "cd \"$(mktemp -d)\"\n"), "\n")
		t.Run(first, func(t *testing.T) {
			for word, program := range map[string]string{"mosquitto_": "mosquitto_pub", "openssl ": "openssl"} {
				if strings.Contains(block, word) {
					needProgram(t, program)
				}
			}
			var want []string
			for line := range strings.Lines(block) {
				if expected, found := strings.CutPrefix(line, "#> "); found {
					want = append(want, expected)
				}
			}
			cmd := exec.Command("sh", "-e", "-c", block)
			cmd.Env = append(mqtkCommand(t).Env, "PATH="+folder+":"+os.Getenv("PATH"), "MQTK_URL="+b.url(), "TMPDIR="+t.TempDir())
			var complaints strings.Builder
			cmd.Stderr = &complaints
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s%s", err, out, &complaints)
			}
			if len(want) > 0 && string(out) != strings.Join(want, "") {
				t.Errorf("prints\n%swant\n%s", out, strings.Join(want, ""))
			}
		})
	}
}

// tourPrograms makes a folder with a program mqtk, which is this one, and with
// mosquitto's clients, which do not read MQTK_URL.
func tourPrograms(t *testing.T, b testBroker) string {
	t.Helper()
	folder := t.TempDir()
	scripts := map[string]string{"mqtk": mqtkCommand(t).Path}
	for _, name := range []string{"mosquitto_pub", "mosquitto_sub", "mosquitto_rr"} {
		if path, err := exec.LookPath(name); err == nil {
			scripts[name] = path + " -h " + b.host + " -p " + b.port
		}
	}
	for name, command := range scripts {
		script := "#!/bin/sh\nexec " + command + " \"$@\"\n"
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

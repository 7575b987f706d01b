package commands

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tableOfRules makes a configuration with an SQLite database of these rows beside it.
func tableOfRules(t *testing.T, rows ...string) (config string) {
	t.Helper()
	folder := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(folder, "rules.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	statements := []string{
		"CREATE TABLE mqtt_user (username text, password text, salt text, is_superuser int)",
		"INSERT INTO mqtt_user VALUES ('root', 'x', '', 1), ('jane', 'x', '', 0)",
		"CREATE TABLE mqtt_acl (id integer PRIMARY KEY, allow int, ipaddr text, username text, clientid text, access int, topic text)",
	}
	for _, row := range rows {
		statements = append(statements, "INSERT INTO mqtt_acl VALUES ("+row+")")
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	config = filepath.Join(folder, "mqtk.toml")
	text := "[auth.sql]\ndriver = 'sqlite'\ndsn = 'rules.db'\n[acl]\nsql = true\n[[listener]]\nurl = 'mqtt://127.0.0.1:0'\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

func TestExplainTable(t *testing.T) {
	config := tableOfRules(t,
		"7, 0, NULL, '$all', NULL, 1, 'eq #'",
		"8, 0, '10.0.0.0/8', NULL, NULL, 3, 'secret/#'",
		"9, 1, NULL, 'jane', '', 3, 'secret/%c'",
		"10, 1, NULL, '$all', NULL, 1, 'open/+'")
	for _, test := range []struct {
		words string
		want  string // an expression
	}{
		{"--user jane --client c --action publish secret/c", `^allowed: row 9: allow readwrite secret/%c, for user jane\nwhy: matches the topic\n$`},
		{"--user jane --client c --address 10.1.2.3 --action publish secret/c", `^denied: row 8: deny readwrite secret/#, for address 10.0.0.0/8\n`},
		{"--user jane --client + --action publish secret/c", `^denied: no rule matches the topic, and no_match denies then\nnote: the name \+ holds`},
		{"--client c --action subscribe #", `^denied: row 7: deny read eq #, for everybody\nwhy: is about this very filter\n$`},
		{"--client c --action subscribe +/x", `^allowed: row 10: .*\nwhy: no rule covers the whole filter, but open/x may be read\ndelivered: only what may be read.*: open/x is delivered, …/x is not\n$`},
		{"--user root --action subscribe #", `^allowed: user root is a superuser, for whom no rule is asked\n$`},
		{"--user ROOT --action subscribe #", `^denied: row 7`},
	} {
		code, out, said := runHere(t, "serve acl explain --config "+config+" "+test.words)
		if code != exitDone || !regexp.MustCompile(test.want).MatchString(out) {
			t.Errorf("%s: %d, %s%s", test.words, code, out, said)
		}
	}
}

func TestLintTable(t *testing.T) {
	clean := tableOfRules(t, "1, 1, NULL, 'jane', NULL, 3, 'a/#'")
	if code, out, said := runHere(t, "serve acl lint --config "+clean); code != exitDone || out != "clean: 1 rule\n" {
		t.Errorf("%d: %s%s", code, out, said)
	}
	config := tableOfRules(t,
		"1, 1, NULL, NULL, '', 3, 'a/#'",
		"2, 1, '10.0.0.1', '$all', NULL, 3, '#'",
		"3, 0, NULL, 'jane', NULL, 1, 'a/b'",
		"4, 7, NULL, 'jane', NULL, 1, 'c'")
	code, out, said := runHere(t, "serve acl lint --config "+config)
	for _, want := range []string{
		"row 1: note: names no user, client or address: it matches nobody\n",
		"row 2: danger: is about everybody: its address and client id are ignored\n",
		"row 2: danger: lets everybody read every topic\n",
		"row 2: danger: lets everybody publish to every topic\n",
		"row 3: danger: never denies anything: row 2 allows it before\n",
		"row 4: danger: allow is ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not said", want)
		}
	}
	if code != exitUnexpected || !strings.Contains(said, "findings in 4 rules") {
		t.Errorf("%d: %s%s", code, out, said)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(config), "rules.db")); err != nil {
		t.Fatal(err)
	}
	if code, _, said := runHere(t, "serve acl lint --config "+config); code != exitUsage || !strings.Contains(said, "rules.db") {
		t.Errorf("without its database: %d, %s", code, said)
	}
}

// runHere runs mqtk in this process.
func runHere(t *testing.T, words string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), strings.Fields(words), Stdio{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

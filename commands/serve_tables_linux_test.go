package commands

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mqtk/broker/authsql"
)

// signedToken is a signed token for a user, good for so long.
func signedToken(t *testing.T, secret, user string, lasts time.Duration) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"sub": user, "exp": time.Now().Add(lasts).Unix(), "aud": "mqtk"})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(claims)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

// The users of a table, by their passwords, and the holders of tokens may do what
// the rows of another table allow; a row that is gone counts from the next reload.
func TestServeAsksTablesAndTokens(t *testing.T) {
	t.Parallel()
	const secret = "a secret of thirty-two bytes or more"
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	db, err := sql.Open("sqlite", filepath.Join(folder, "users.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run := func(text string) {
		t.Helper()
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	run(authsql.Schema("sqlite"))
	run(fmt.Sprintf("INSERT INTO mqtt_user (username, password, is_superuser) VALUES ('ann', '%x', 0), ('root', '%x', 1)", sha256.Sum256([]byte("open")), sha256.Sum256([]byte("sesame"))))
	run("INSERT INTO mqtt_acl (allow, username, access, topic) VALUES (1, '$all', 2, 'own/%u/#'), (1, 'ann', 1, 'news')")
	file("key", secret)
	text := "[auth.sql]\ndriver = \"sqlite\"\ndsn = \"users.db\"\n[auth.jwt]\nkey = \"key\"\naudience = \"mqtk\"\n[acl]\nsql = true\n"
	config := file("mqtk.toml", text)
	b := startMqtk(t, "-c", config)
	tries := func(when string, code int, words ...string) {
		t.Helper()
		p := launch(t, mqtkCommand(t, append(words, "-L", b.url())...))
		if got := p.ends(); got != code {
			t.Errorf("%s: %v ended with %d, want %d\n%s", when, words, got, code, p.output())
		}
	}
	tries("a good password", 0, "pub", "-u", "ann", "-P", "open", "-q", "1", "own/ann/x", "y")
	tries("a bad one", 6, "pub", "-u", "ann", "-P", "shut", "-q", "1", "own/ann/x", "y")
	tries("no such user", 6, "pub", "-u", "eve", "-P", "open", "-q", "1", "own/eve/x", "y")
	tries("no row", 6, "pub", "-u", "ann", "-P", "open", "-q", "1", "own/bob/x", "y")
	tries("a superuser", 0, "pub", "-u", "root", "-P", "sesame", "-q", "1", "-r", "news", "y")
	tries("a row", 0, "sub", "-u", "ann", "-P", "open", "-C", "1", "-W", "20", "news")
	tries("a good token", 0, "pub", "-u", "bob", "-P", signedToken(t, secret, "bob", time.Hour), "-q", "1", "own/bob/x", "y")
	tries("one of another user", 6, "pub", "-u", "bob", "-P", signedToken(t, secret, "bob", time.Hour), "-q", "1", "own/ann/x", "y")
	tries("one that is over", 6, "pub", "-u", "bob", "-P", signedToken(t, secret, "bob", -time.Hour), "-q", "1", "own/bob/x", "y")
	tries("one that somebody else has signed", 6, "pub", "-u", "bob", "-P", signedToken(t, "another secret of thirty-two bytes", "bob", time.Hour), "-q", "1", "own/bob/x", "y")
	run("DELETE FROM mqtt_acl WHERE username = 'ann'")
	b.hangUp(t, "reloaded")
	tries("a row that is gone", 6, "sub", "-u", "ann", "-P", "open", "-C", "1", "-W", "20", "news")
	file("mqtk.toml", "[auth.sql]\ndriver = \"sqlite\"\ndsn = \"none/users.db\"\n[acl]\nsql = true\n")
	b.hangUp(t, "the one before holds")
	tries("a database that is not there", 0, "pub", "-u", "root", "-P", "sesame", "-q", "1", "news", "y")
}

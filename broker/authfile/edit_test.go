package authfile

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"mqtk/mqttwire/sasl"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func logsIn(t *testing.T, path, user, password string) {
	t.Helper()
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := New(f).Check(t.Context(), user, []byte(password)); err != nil {
		t.Errorf("%s with %s: %v", user, password, err)
	}
}

func TestSetPasswordMakesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	if added, err := SetPassword(path, "alice", []byte("secret"), 0); !added || err != nil {
		t.Fatal(added, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	logsIn(t, path, "alice", "secret")
	if added, err := SetPassword(path, "alice", []byte("another"), 0); added || err != nil {
		t.Fatal(added, err)
	}
	logsIn(t, path, "alice", "another")
}

// Lines of others stay to the byte, with their comments, odd line ends and all.
func TestOthersStay(t *testing.T) {
	before := "# ours\r\n\r\n  \nbob:" + bySHA512 + "\r\n alice :" + byPBKDF2 + "\n#alice:off\ncarol:" + byPBKDF2
	path := write(t, before)
	if _, err := SetPassword(path, "alice", []byte("new"), 0); err != nil {
		t.Fatal(err)
	}
	after := text(t, path)
	start, rest, _ := strings.Cut(after, "alice:$7$4096$")
	_, end, _ := strings.Cut(rest, "\n")
	if start != "# ours\r\n\r\n  \nbob:"+bySHA512+"\r\n" || end != "#alice:off\ncarol:"+byPBKDF2 {
		t.Errorf("%q became %q", before, after)
	}
	if added, err := SetPassword(path, "dave", []byte("new"), 0); !added || err != nil {
		t.Fatal(added, err)
	}
	if got := text(t, path); !strings.HasPrefix(got, after+"\ndave:$7$") {
		t.Errorf("%q became %q", after, got)
	}
	logsIn(t, path, "carol", "secret")
	logsIn(t, path, "dave", "new")
	if err := Delete(path, "alice"); err != nil {
		t.Fatal(err)
	}
	if got := text(t, path); !strings.HasPrefix(got, start+end+"\ndave:") {
		t.Errorf("without alice: %q", got)
	}
	if err := Delete(path, "alice"); err == nil || !strings.Contains(err.Error(), "alice") {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestModeOwnerAndLinkStay(t *testing.T) {
	path := write(t, "bob:"+bySHA512+"\n")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(path, 4321, 1234); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(path)
	if _, err := SetPassword(link, "alice", []byte("secret"), 0); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info, err)
	}
	after, err := os.Stat(path)
	if err != nil || after.Mode() != before.Mode() || os.SameFile(before, after) || owner(after) != owner(before) {
		t.Errorf("%v became %v, %v", before, after, err)
	}
	logsIn(t, path, "alice", "secret")
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	os.Remove(path)
	if _, err := SetPassword(link, "alice", []byte("secret"), 0); err == nil || !strings.Contains(err.Error(), "link") {
		t.Errorf("a link to nowhere: %v", err)
	}
}

func TestBadNamesAndPasswords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	for _, user := range []string{"", "a:b", "a\nb", "a\rb", "a\x00b", "#a", " a", "a\t", "\xff", strings.Repeat("x", 65536)} {
		if _, err := SetPassword(path, user, []byte("secret"), 0); err == nil {
			t.Errorf("%.20q is taken for a user name", user)
		}
	}
	for _, password := range []string{"", "a\x00", strings.Repeat("x", 65536)} {
		if _, err := SetPassword(path, "a", []byte(password), 0); err == nil {
			t.Errorf("%.20q is taken for a password", password)
		}
	}
	for _, n := range []int{-1, 10_000_001} {
		if _, err := SetPassword(path, "a", []byte("secret"), n); err == nil {
			t.Errorf("%d iterations are taken", n)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file was made for nothing")
	}
}

// Odd passwords: those that SASLprep alters have a verifier more, those that it
// refuses none. By user name and password all of them work.
func TestOddPasswords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	for user, password := range map[string]string{"plain": "secret", "wide": "ⅷ pass", "binary": "\xff\x00\xfe", "emoji": "😀", "control": "a\x07b", "colon": "a:b$c,d"} {
		if _, err := SetPassword(path, user, []byte(password), 1); err != nil {
			t.Fatal(err)
		}
		logsIn(t, path, user, password)
	}
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]int{"plain": 1, "wide": 2, "binary": 0, "emoji": 0, "control": 0, "colon": 1} {
		if got := len(f.users[user].verifiers); got != want {
			t.Errorf("%s has %d verifiers, not %d", user, got, want)
		}
	}
	v, err := New(f).Verifier(t.Context(), "wide", sasl.SCRAMSHA512)
	made, _ := sasl.NewVerifier(sasl.SCRAMSHA512, []byte("viii pass"), v.Salt, 1)
	if err != nil || v.String() != made.String() {
		t.Errorf("%v, %v", v, err)
	}
}

func TestHashPlain(t *testing.T) {
	path := write(t, "# in the clear\nalice:secret\nbob:"+bySHA512+"\ncarol:a:b\n")
	if n, err := HashPlain(path, 0); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	logsIn(t, path, "alice", "secret")
	logsIn(t, path, "bob", "secret")
	logsIn(t, path, "carol", "a:b")
	if got := text(t, path); strings.Contains(got, "alice:secret") || !strings.HasPrefix(got, "# in the clear\nalice:$7$") {
		t.Errorf("%q", got)
	}
	before := "alice:secret\nno colon\nbob:\ncarol:$7$x\n"
	path = write(t, before)
	_, err := HashPlain(path, 0)
	for _, want := range []string{path + ":2: ", path + ":3: ", path + ":4: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
	if got := text(t, path); got != before {
		t.Errorf("a broken file became %q", got)
	}
}

// Users added at once are all there afterwards.
func TestChangesAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := SetPassword(path, fmt.Sprintf("user%d", i), []byte("secret"), 1); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if f, err := Read(path); err != nil || f.Len() != 20 {
		t.Errorf("%v users, %v", f, err)
	}
}

func BenchmarkCheck(b *testing.B) {
	line, err := Line("alice", []byte("secret"), 0)
	if err != nil {
		b.Fatal(err)
	}
	a := New(parsed(b, line))
	for _, user := range []string{"alice", "nobody"} {
		b.Run(user, func(b *testing.B) {
			for b.Loop() {
				_ = a.Check(b.Context(), user, []byte("wrong"))
			}
		})
	}
}

// A file that all could read or write is not written again like that.
func TestModeIsNarrowed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such modes")
	}
	for before, want := range map[os.FileMode]os.FileMode{0o644: 0o640, 0o666: 0o640, 0o640: 0o640, 0o620: 0o600, 0o600: 0o600, 0o777: 0o740} {
		path := write(t, "bob:"+bySHA512+"\n")
		if err := os.Chmod(path, before); err != nil {
			t.Fatal(err)
		}
		if _, err := SetPassword(path, "alice", []byte("secret"), 1); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%o became %v, %v; want %o", before, info.Mode(), err, want)
		}
	}
}

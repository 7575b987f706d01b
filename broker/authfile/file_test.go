package authfile

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mqtk/broker"
	"mqtk/mqttwire/sasl"
)

// As mosquitto_passwd 2.0.11 writes them: the password is "secret".
const (
	byPBKDF2 = "$7$101$bKDN8TytKZMfV3G5$6fr3UH0bsiXY9EnV1+9hOVd0dvM7i5attJcIjjpb/KO5ROdgyIyvH5Z+UAS9+4Zm3/mOy1iYISpl/MjfIvpqPw=="
	bySHA512 = "$6$vF16OxDmhmI5QEhc$oOccDdfZ6K8W+wHZzdVzkYGoj2Ncz1Nczb4InQKhXo8j6iB6qYIs07JfhngqKG5TRIb1TSwEo852uK5JK9BjLg=="
)

func verifierOf(t testing.TB, method, password string, iterations int) string {
	t.Helper()
	v, err := sasl.NewVerifier(method, []byte(password), []byte("0123456789abcdef"), iterations)
	if err != nil {
		t.Fatal(err)
	}
	return v.String()
}

func parsed(t testing.TB, text string) *File {
	t.Helper()
	f, err := Parse("passwd", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadsMosquittosLines(t *testing.T) {
	third := verifierOf(t, sasl.SCRAMSHA256, "secret", 4096)
	a := New(parsed(t, "# users\n\n alice :"+byPBKDF2+"\r\nbob:"+bySHA512+" \ncarol:"+byPBKDF2+":"+third+"\n  \nJürgen:"+bySHA512))
	for _, user := range []string{"alice", "bob", "carol", "Jürgen"} {
		if err := a.Check(t.Context(), user, []byte("secret")); err != nil {
			t.Errorf("%s: %v", user, err)
		}
		for _, wrong := range []string{"", "secret ", "Secret", "secret\x00"} {
			if err := a.Check(t.Context(), user, []byte(wrong)); !errors.Is(err, sasl.ErrBadCredentials) {
				t.Errorf("%s with %q: %v", user, wrong, err)
			}
		}
	}
	for _, user := range []string{"", "Alice", "alice ", " alice ", "# users", "dave"} {
		if err := a.Check(t.Context(), user, []byte("secret")); !errors.Is(err, sasl.ErrUnknownUser) {
			t.Errorf("%q: %v", user, err)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	good := "alice:" + byPBKDF2 + "\n"
	text := good + "no colon\n:" + byPBKDF2 + "\nbob:secret\n" + good +
		"c:$7$0$AAAA$AAAA\nd:$7$x$AAAA$AAAA\ne:$7$101$!$AAAA\nf:$7$101$AAAA$AAAA\ng:$6$AAAA\nh:" + byPBKDF2 + ":SCRAM-SHA-256$4096:x\n" +
		"i:" + byPBKDF2 + ":\n\xff:" + byPBKDF2 + "\nj\x00:" + byPBKDF2 + "\nk:$7$99999999$AAAA$AAAA\nl:\n"
	_, err := Parse("/etc/passwd.mqtt", []byte(text))
	if err == nil {
		t.Fatal("a broken file is taken")
	}
	for n, want := range map[string]string{
		"2": "no colon", "3": "name is empty", "4": `user "bob": the password is neither`, "5": "stands in line 1 already",
		"6": "iterations", "7": "iterations", "8": "salt is no base64", "9": "not 64 bytes", "10": "neither", "11": "third field",
		"12": "third field", "13": "no UTF-8", "14": "NUL", "15": "iterations", "16": "neither",
	} {
		if !strings.Contains(err.Error(), "/etc/passwd.mqtt:"+n+": ") {
			t.Errorf("line %s is not among the problems", n)
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if strings.HasPrefix(line, "/etc/passwd.mqtt:"+n+": ") && !strings.Contains(line, want) {
				t.Errorf("%s: no word of %q", line, want)
			}
		}
	}
	if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "AAAA") {
		t.Errorf("passwords are shown: %v", err)
	}
}

func TestUselessFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "comments": "# nobody\n\n", "broken": "alice\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range []string{filepath.Join(dir, "missing"), dir} {
		if _, err := Read(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestExposed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true} {
		if err := os.WriteFile(path, []byte("alice:"+byPBKDF2), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		f, err := Read(path)
		if err != nil || f.Exposed != want {
			t.Errorf("mode %o: %v, %v", mode, f, err)
		}
		os.Remove(path)
	}
}

func TestAuthenticate(t *testing.T) {
	a := New(parsed(t, "alice:"+byPBKDF2))
	for _, c := range []struct {
		given broker.Credentials
		want  error
	}{
		{broker.Credentials{HasUsername: true, Username: "alice", HasPassword: true, Password: []byte("secret")}, nil},
		{broker.Credentials{HasUsername: true, Username: "alice", HasPassword: true, Password: []byte("wrong")}, broker.ErrBadCredentials},
		{broker.Credentials{HasUsername: true, Username: "alice"}, broker.ErrBadCredentials},
		{broker.Credentials{HasUsername: true, Username: "bob", HasPassword: true, Password: []byte("secret")}, broker.ErrUnknownUser},
		{broker.Credentials{HasPassword: true, Password: []byte("secret")}, broker.ErrUnknownUser},
		{broker.Credentials{}, broker.ErrUnknownUser},
	} {
		id, err := a.Authenticate(t.Context(), &c.given)
		if c.want == nil && (err != nil || id.Username != "alice") || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, %v", c.given, id, err)
		}
		if c.want == broker.ErrBadCredentials && errors.Is(err, broker.ErrUnknownUser) {
			t.Errorf("%+v is passed on to the next: %v", c.given, err)
		}
	}
	a.Set(parsed(t, "bob:"+bySHA512))
	if err := a.Check(t.Context(), "alice", []byte("secret")); !errors.Is(err, sasl.ErrUnknownUser) {
		t.Errorf("a replaced file still counts: %v", err)
	}
	if err := a.Check(t.Context(), "bob", []byte("secret")); err != nil {
		t.Errorf("the new file does not count: %v", err)
	}
}

// When as many hashes are under way as may be, the next one waits, and not for
// ever.
func TestHashesAreBounded(t *testing.T) {
	a := New(parsed(t, "alice:"+byPBKDF2))
	for range cap(a.work) {
		a.work <- struct{}{}
	}
	for _, user := range []string{"alice", "nobody"} { // who costs a hash as well
		ctx, cancel := context.WithCancel(t.Context())
		answer := make(chan error)
		go func() { answer <- a.Check(ctx, user, []byte("secret")) }()
		cancel()
		if err := <-answer; !errors.Is(err, context.Canceled) {
			t.Errorf("one more hash than allowed, for %s: %v", user, err)
		}
	}
	<-a.work
	if err := a.Check(t.Context(), "alice", []byte("secret")); err != nil {
		t.Error(err)
	}
}

func TestVerifiers(t *testing.T) {
	third := verifierOf(t, sasl.SCRAMSHA256, "secret", 5000)
	a := New(parsed(t, "alice:"+byPBKDF2+":"+third+"\nbob:"+bySHA512))
	v, err := a.Verifier(t.Context(), "alice", sasl.SCRAMSHA256)
	if err != nil || v.String() != third {
		t.Errorf("%v, %v", v, err)
	}
	// The hash of $7$ is SCRAM-SHA-512's SaltedPassword.
	v, err = a.Verifier(t.Context(), "alice", sasl.SCRAMSHA512)
	made, _ := sasl.NewVerifier(sasl.SCRAMSHA512, []byte("secret"), v.Salt, 101)
	if err != nil || v.String() != made.String() {
		t.Errorf("%v, %v", v, err)
	}
	for user, want := range map[string]error{"bob": sasl.ErrNoVerifier, "eve": sasl.ErrUnknownUser} {
		v, err := a.Verifier(t.Context(), user, sasl.SCRAMSHA256)
		if !errors.Is(err, want) || v.Iterations != 5000 {
			t.Errorf("%s: %v and the model %v", user, err, v)
		}
	}
	if v, err := a.Verifier(t.Context(), "alice", sasl.CRAMMD5); !errors.Is(err, sasl.ErrNoVerifier) {
		t.Errorf("%v, %v", v, err)
	}
}

// What the real mosquitto_passwd writes is read, and it keeps what we wrote.
func TestMosquittoPasswd(t *testing.T) {
	tool, err := exec.LookPath("mosquitto_passwd")
	if err != nil {
		t.Skip("mosquitto_passwd is not installed")
	}
	path := filepath.Join(t.TempDir(), "passwd")
	run := func(arguments ...string) {
		t.Helper()
		if out, err := exec.Command(tool, arguments...).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd %v: %v\n%s", arguments, err, out)
		}
	}
	run("-c", "-b", path, "new", "secret")
	run("-H", "sha512", "-b", path, "old", "pass wörd")
	if _, err := SetPassword(path, "ours", []byte("secret"), 0); err != nil {
		t.Fatal(err)
	}
	run("-b", path, "later", "secret")
	check := func(want map[string]string) {
		t.Helper()
		f, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		a := New(f)
		for user, password := range want {
			if err := a.Check(t.Context(), user, []byte(password)); err != nil {
				t.Errorf("%s: %v", user, err)
			}
		}
		if f.Len() != len(want) {
			t.Errorf("%d users", f.Len())
		}
		if _, err := a.Verifier(t.Context(), "ours", sasl.SCRAMSHA256); err != nil {
			t.Errorf("our third field is gone: %v", err)
		}
	}
	check(map[string]string{"new": "secret", "old": "pass wörd", "ours": "secret", "later": "secret"})
	run("-D", path, "later")
	check(map[string]string{"new": "secret", "old": "pass wörd", "ours": "secret"})
}

func FuzzParse(f *testing.F) {
	f.Add("alice:" + byPBKDF2 + "\nbob:" + bySHA512)
	f.Add("carol:" + byPBKDF2 + ":" + verifierOf(f, sasl.SCRAMSHA256, "x", 1) + ",")
	f.Add("# \n:\n::\na:$7$1$AAAA$AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("passwd", []byte(text))
		if err != nil {
			var p Problem
			if !errors.As(err, &p) || p.File != "passwd" {
				t.Errorf("%v is no Problem", err)
			}
			return
		}
		if file.Len() == 0 {
			t.Error("a file without users")
		}
		// Whoever is in it is in it after a change of somebody else, too.
		e := newEditor([]byte(text))
		e.set("somebody else", "somebody else:"+bySHA512)
		again, err := Parse("passwd", e.bytes())
		if _, there := file.users["somebody else"]; err != nil || !there && again.Len() != file.Len()+1 {
			t.Errorf("%q became %q: %v", text, e.bytes(), err)
		}
	})
}

func TestReadWantsAFile(t *testing.T) {
	if _, err := Read(os.DevNull); err == nil || !strings.Contains(err.Error(), "device") {
		t.Errorf("a device: %v", err)
	}
}

package authfile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// What we write lets users into the real mosquitto, which reads over the third
// field.
func TestMosquittoReadsOurs(t *testing.T) {
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		t.Skip("mosquitto is not installed")
	}
	path := filepath.Join(t.TempDir(), "passwd")
	passwords := map[string]string{"plain": "secret", "Jürgen": "pass wörd", "wide": "ⅷ pass", "many": "a:b$c,d"}
	for user, password := range passwords {
		if _, err := SetPassword(path, user, []byte(password), 1000); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, append([]byte("# ours\n\n"), text(t, path)...), 0o600); err != nil {
		t.Fatal(err)
	}
	address := startMosquitto(t, program, fmt.Sprintf("allow_anonymous false\npassword_file %s\nuser root\n", path))
	for user, password := range passwords {
		if err := connectTo(address, user, password); err != nil {
			t.Errorf("%s: %v", user, err)
		}
		var refused *client.RefusedError
		if err := connectTo(address, user, password+"x"); !errors.As(err, &refused) {
			t.Errorf("%s, with a wrong password: %v", user, err)
		}
	}
}

// startMosquitto runs it on a free port until the end of the test.
func startMosquitto(t *testing.T, program, config string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	path := filepath.Join(t.TempDir(), "mosquitto.conf")
	_, port, _ := net.SplitHostPort(address)
	if err := os.WriteFile(path, []byte(config+"listener "+port+" 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", path)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for end := time.Now().Add(time.Minute); ; {
		nc, err := net.Dial("tcp", address)
		if err == nil {
			nc.Close()
			return address
		}
		if time.Now().After(end) {
			t.Fatalf("mosquitto does not listen: %v", err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func connectTo(address, user, password string) error {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	c := client.NewConn(nc, client.ConnOptions{})
	defer c.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	_, err = c.Handshake(context.Background(), &mqttwire.Connect{
		Version: mqttwire.V311, CleanStart: true, ClientID: "c", HasUsername: true, Username: user, HasPassword: true, Password: []byte(password),
	})
	return err
}

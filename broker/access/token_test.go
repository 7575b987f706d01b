package access_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker/access"
	"mqtk/broker/authfile"
	"mqtk/broker/authtoken"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

const tokenSecret = "thirty-two bytes, that is enough"

func tokenFor(user string, life time.Duration) []byte {
	b := base64.RawURLEncoding.EncodeToString
	text := b([]byte(`{"alg":"HS256"}`)) + "." + b(fmt.Appendf(nil, `{"sub":%q,"exp":%d}`, user, time.Now().Add(life).Unix()))
	m := hmac.New(sha256.New, []byte(tokenSecret))
	m.Write([]byte(text))
	return []byte(text + "." + b(m.Sum(nil)))
}

// Tokens beside passwords at one door. A connection ends with its token, the
// leeway included; a session does not.
func TestTokenAgainstBroker(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(tokenSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, err := authtoken.Open(authtoken.Options{Key: path})
	if err != nil {
		t.Fatal(err)
	}
	chain := access.Chain(access.Link{Name: "file", Authenticator: authfile.New(fileOf(t, "tim:secret"))}, access.Link{Name: "jwt", Authenticator: tokens})
	withDoor(t, chain, func(d *door) {
		with := func(user, password string) (*client.Client, error) {
			return d.connect(nil, mqttwire.Connect{HasUsername: user != "", Username: user, HasPassword: true, Password: []byte(password)})
		}
		c, err := with("", string(tokenFor("device", time.Minute)))
		if err != nil {
			d.Fatal(err)
		}
		start := time.Now()
		<-c.Done()
		var gone *client.DisconnectedError
		if err := c.Err(); !errors.As(err, &gone) || gone.Reason != mqttwire.MaximumConnectTime {
			d.Error(err)
		}
		if took := time.Since(start); took < 89*time.Second || took > 91*time.Second {
			d.Errorf("the token of one minute lasted %v", took)
		}
		for user, password := range map[string]string{"tim": "secret", "device": string(tokenFor("device", time.Minute))} {
			c, err := with(user, password)
			if err != nil {
				d.Fatalf("%s: %v", user, err)
			}
			c.Disconnect(d.Context(), nil)
			synctest.Wait() // until the broker has let go of the session, whose id the next one takes
		}
		for what, password := range map[string]string{"an old token": string(tokenFor("device", -time.Minute)), "no token": "device", "another one's token": string(tokenFor("tim", time.Minute))} {
			var refused *client.RefusedError
			if _, err := with("device", password); !errors.As(err, &refused) || refused.Reason != mqttwire.BadUserNameOrPassword {
				d.Errorf("%s: %v", what, err)
			}
		}
	})
}

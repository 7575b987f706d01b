package access_test

import (
	"errors"
	"strings"
	"testing"

	"mqtk/broker/access"
	"mqtk/broker/authfile"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/sasl"
)

// try is a CONNECT with these credentials, or with those of auth beside them.
func (d *door) try(auth client.Authenticator, user, password string, want mqttwire.ReasonCode) {
	d.Helper()
	c, err := d.connect(auth, mqttwire.Connect{
		HasUsername: user != "", Username: user, HasPassword: password != "", Password: []byte(password),
	})
	got := mqttwire.Success
	var refused *client.RefusedError
	switch {
	case errors.As(err, &refused):
		got = refused.Reason
	case err != nil:
		d.Fatal(err)
	default:
		c.Disconnect(d.Context(), nil)
	}
	if got != want {
		d.Errorf("user %q: %#x, want %#x", user, byte(got), byte(want))
	}
}

// doorOfThree knows tim and eve by their passwords in every way.
func doorOfThree(t *testing.T, f func(d *door)) {
	t.Helper()
	file := authfile.New(fileOf(t, "tim:secret", "eve:apple"))
	link := saslOf(t, access.SASLOptions{Users: file, PlainWithoutTLS: true})
	withDoor(t, access.Chain(access.Link{Name: "file", Authenticator: file}, access.Link{Name: "sasl", Authenticator: link}), f)
}

// Behind one address there may be everybody: who gives no name locks nobody out.
func TestNamelessFailuresHurtNobody(t *testing.T) {
	doorOfThree(t, func(d *door) {
		for range 15 {
			d.try(nil, "", "", mqttwire.NotAuthorized)
			d.try(nil, "", "guess", mqttwire.BadUserNameOrPassword)
		}
		d.try(nil, "tim", "secret", mqttwire.Success)
		d.try(half(d, sasl.SCRAMSHA256, "tim", "secret"), "", "", mqttwire.Success)
	})
}

// The name that counts is the one that the exchange is about, whatever CONNECT says.
func TestFailuresOfExchangesAreLimited(t *testing.T) {
	for _, method := range []string{sasl.Plain, sasl.SCRAMSHA256} {
		t.Run(method, func(t *testing.T) {
			doorOfThree(t, func(d *door) {
				for i := range 10 {
					d.try(half(d, method, "tim", "guess"), strings.Repeat("x", i), "", mqttwire.BadUserNameOrPassword)
				}
				d.try(half(d, method, "tim", "secret"), "y", "", mqttwire.ConnectionRateExceeded)
				d.try(nil, "tim", "secret", mqttwire.ConnectionRateExceeded)
				d.try(half(d, method, "eve", "apple"), "", "", mqttwire.Success)
			})
		})
	}
}

// Who has an account cannot have the failures of another forgotten by it.
func TestFailuresAreForgivenToTheirOwn(t *testing.T) {
	doorOfThree(t, func(d *door) {
		for range 10 {
			d.try(nil, "tim", "guess", mqttwire.BadUserNameOrPassword)
			if t.Failed() {
				return
			}
		}
		d.try(half(d, sasl.Plain, "eve", "apple"), "tim", "", mqttwire.Success)
		d.try(nil, "eve", "apple", mqttwire.Success)
		d.try(nil, "tim", "secret", mqttwire.ConnectionRateExceeded)
	})
	doorOfThree(t, func(d *door) {
		for range 5 {
			d.try(nil, "tim", "guess", mqttwire.BadUserNameOrPassword)
			d.try(nil, "tim", "guess", mqttwire.BadUserNameOrPassword)
			d.try(half(d, sasl.Plain, "eve", "apple"), "tim", "", mqttwire.Success)
		}
		d.try(nil, "tim", "secret", mqttwire.ConnectionRateExceeded)
	})
}

// defector logs in as eve and authenticates again as somebody else.
type defector struct {
	client.Authenticator
	next client.Authenticator
}

func (t *defector) Start() ([]byte, error) {
	a := t.Authenticator
	t.Authenticator = t.next
	return a.Start()
}

// To authenticate again as another user tells nothing of that one's password, and
// is counted.
func TestReauthenticationGuessesNobody(t *testing.T) {
	doorOfThree(t, func(d *door) {
		var words []string
		for _, password := range []string{"guess", "secret"} {
			c, err := d.connect(&defector{half(d, sasl.Plain, "eve", "apple"), half(d, sasl.Plain, "tim", password)}, mqttwire.Connect{})
			if err != nil {
				t.Fatal(err)
			}
			err = c.Reauthenticate(d.Context())
			if err == nil {
				t.Fatal("eve has become tim")
			}
			words = append(words, err.Error())
			c.Close()
		}
		if words[0] != words[1] {
			t.Errorf("%q", words)
		}
		for range 8 {
			d.try(nil, "tim", "guess", mqttwire.BadUserNameOrPassword)
		}
		d.try(nil, "tim", "secret", mqttwire.ConnectionRateExceeded)
	})
}

package commands

import (
	"testing"

	"mqtk/commands/config"
)

// Who must have a certificate besides is told so in the line about the listener.
func TestGuestsNeedCertificates(t *testing.T) {
	k := &locks{config: config.New()}
	for _, test := range []struct{ ca, cert, auth, want string }{
		{"", "", "anonymous", "who gives no credentials, without a name"},
		{"ca.pem", "optional", "anonymous", "who gives no credentials, without a name"},
		{"ca.pem", "require", "anonymous", "with a certificate of ca.pem alone: who gives no credentials, without a name"},
	} {
		_, guests, err := k.authenticator(&config.Listener{ClientCA: test.ca, ClientCert: test.cert, Auth: []string{test.auth}})
		if err != nil || guests != test.want {
			t.Errorf("%+v: %q, %v", test, guests, err)
		}
	}
}

package access_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"net/url"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/broker/access"
)

// stateOf is the end of a handshake with a certificate, made and read again.
func stateOf(t testing.TB, template *x509.Certificate) *tls.ConnectionState {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotAfter = big.NewInt(1), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}, VerifiedChains: [][]*x509.Certificate{{cert}}}
}

func certificate(t testing.TB, name string) *tls.ConnectionState {
	return stateOf(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}})
}

func named(names ...string) pkix.Name {
	n := pkix.Name{Organization: []string{"mqtk"}}
	for _, name := range names {
		n.ExtraNames = append(n.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: name})
	}
	return n
}

func TestCertificateName(t *testing.T) {
	uri, _ := url.Parse("urn:device:17")
	rich := &x509.Certificate{Subject: named("tim"), DNSNames: []string{"tim.example"}, URIs: []*url.URL{uri}, EmailAddresses: []string{"tim@example.com"}}
	for what, test := range map[string]struct {
		cert        *x509.Certificate
		field, want string // empty: refused
	}{
		"cn":            {rich, "cn", "tim"},
		"subject":       {rich, "subject", "CN=tim,O=mqtk"},
		"dns":           {rich, "san:dns", "tim.example"},
		"uri":           {rich, "san:uri", "urn:device:17"},
		"email":         {rich, "san:email", "tim@example.com"},
		"unknown field": {rich, "serial", ""},
		"no cn":         {&x509.Certificate{Subject: named(), DNSNames: []string{"tim"}}, "cn", ""},
		"two cn":        {&x509.Certificate{Subject: named("tim", "root")}, "cn", ""},
		"one cn twice":  {&x509.Certificate{Subject: named("tim", "tim")}, "cn", ""},
		"empty cn":      {&x509.Certificate{Subject: named("")}, "cn", ""},
		"cn with NUL":   {&x509.Certificate{Subject: named("root\x00.tim")}, "cn", ""},
		"no dns":        {&x509.Certificate{Subject: named("tim")}, "san:dns", ""},
		"two dns":       {&x509.Certificate{DNSNames: []string{"a", "b"}}, "san:dns", ""},
		"no uri":        {&x509.Certificate{Subject: named("tim")}, "san:uri", ""},
		"two emails":    {&x509.Certificate{EmailAddresses: []string{"a@b", "b@c"}}, "san:email", ""},
		"no subject":    {&x509.Certificate{DNSNames: []string{"a"}}, "subject", ""},
	} {
		name, err := access.CertificateName(stateOf(t, test.cert), test.field)
		if name != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %q, %v", what, name, err)
		}
	}
}

func TestCertificateLink(t *testing.T) {
	link := access.Certificate{Field: "cn"}
	good := certificate(t, "tim")
	unverified := &tls.ConnectionState{PeerCertificates: good.PeerCertificates}
	for what, test := range map[string]struct {
		state *tls.ConnectionState
		want  error
	}{
		"good":           {good, nil},
		"without TLS":    {nil, broker.ErrUnknownUser},
		"without one":    {&tls.ConnectionState{}, broker.ErrUnknownUser},
		"not verified":   {unverified, broker.ErrUnknownUser},
		"without a name": {stateOf(t, &x509.Certificate{DNSNames: []string{"a"}}), broker.ErrBadCredentials},
	} {
		// What CONNECT says of the user is not looked at.
		id, err := link.Authenticate(t.Context(), &broker.Credentials{TLS: test.state, HasUsername: true, Username: "root"})
		if !errors.Is(err, test.want) || test.want == nil && id.Username != "tim" {
			t.Errorf("%s: %v, %v", what, id, err)
		}
		if test.want != broker.ErrUnknownUser && errors.Is(err, broker.ErrUnknownUser) {
			t.Errorf("%s: is left to the links behind", what)
		}
	}
}

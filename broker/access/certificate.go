package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"mqtk/broker"
)

// Fields are what a Certificate may take the user name from.
func Fields() []string { return []string{"cn", "subject", "san:dns", "san:uri", "san:email"} }

// Certificate lets in who has shown a certificate that the listener's authorities
// have signed, by the name in one of its fields. A client without one is left to
// the links behind.
type Certificate struct {
	Field string // one of Fields
}

// Authenticate is the link's answer.
func (c Certificate) Authenticate(_ context.Context, given *broker.Credentials) (broker.Identity, error) {
	name, err := CertificateName(given.TLS, c.Field)
	switch {
	case errors.Is(err, errNoCertificate):
		return broker.Identity{}, broker.ErrUnknownUser
	case err != nil:
		return broker.Identity{}, fmt.Errorf("%w: %w", broker.ErrBadCredentials, err)
	}
	return broker.Identity{Username: name}, nil
}

var errNoCertificate = errors.New("there is no verified client certificate")

// CertificateName is the name in a field of a client's certificate. A certificate
// that holds the field twice or not at all has none: nobody is taken for one of
// two.
func CertificateName(state *tls.ConnectionState, field string) (string, error) {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return "", errNoCertificate
	}
	names, err := namesIn(state.PeerCertificates[0], field)
	switch {
	case err != nil:
		return "", err
	case len(names) != 1:
		return "", fmt.Errorf("the certificate holds %d %s where one is wanted", len(names), field)
	case names[0] == "" || len(names[0]) > 65535 || strings.Contains(names[0], "\x00") || !utf8.ValidString(names[0]):
		return "", fmt.Errorf("the %s of the certificate is no user name", field)
	}
	return names[0], nil
}

func namesIn(cert *x509.Certificate, field string) (names []string, err error) {
	switch field {
	case "cn":
		for _, attribute := range cert.Subject.Names {
			if attribute.Type.String() == "2.5.4.3" {
				name, _ := attribute.Value.(string) // another type has no name in it
				names = append(names, name)
			}
		}
	case "subject":
		names = []string{cert.Subject.String()}
	case "san:dns":
		names = cert.DNSNames
	case "san:uri":
		for _, uri := range cert.URIs {
			names = append(names, uri.String())
		}
	case "san:email":
		names = cert.EmailAddresses
	default:
		return nil, fmt.Errorf("%q is no field of a certificate: there are %s", field, strings.Join(Fields(), ", "))
	}
	return names, nil
}

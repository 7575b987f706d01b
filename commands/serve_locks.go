package commands

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"mqtk/broker"
	"mqtk/broker/access"
	"mqtk/broker/authfile"
	"mqtk/commands/config"
	"mqtk/mqttwire/sasl"
)

// everybody is who may come in by a door that has no lock.
const everybody = "everybody, without a name"

// locks are who says who somebody is, and what they may do.
type locks struct {
	config    *config.Config
	log       *slog.Logger
	passwords *authfile.Authenticator // nil: none
	users     int                     // in it
	secret    []byte                  // of SASL; it outlives a reload, so that unknown users keep their salts
	rules     broker.Authorizer       // nil: whoever is in may do everything
}

// openLocks reads and opens what the configuration names.
func openLocks(c *config.Config, before *house, log *slog.Logger, getenv func(string) string) (*locks, error) {
	k := &locks{config: c, log: log, secret: []byte(rand.Text())}
	if before != nil {
		k.secret = before.locks.secret
	}
	return k, errors.Join(k.openPasswords())
}

func (k *locks) openPasswords() error {
	path := k.config.Auth.File.Passwords
	if path == "" {
		return nil
	}
	file, err := authfile.Read(path)
	if err != nil {
		return err
	}
	k.passwords, k.users = authfile.New(file), file.Len()
	return nil
}

// close closes what the other house does not have, too.
func (k *locks) close(*house) {}

// authenticator is who is asked at a door, and in words who may come in by it.
func (k *locks) authenticator(l *config.Listener) (broker.Authenticator, string, error) {
	names := k.config.Authenticators(l)
	if len(names) == 0 {
		if l.ClientCA != "" && l.ClientCert == "require" {
			return nil, "whoever has a certificate of " + l.ClientCA + ", without a name", nil
		}
		return nil, everybody, nil
	}
	var links []access.Link
	var guests []string
	var sources []sasl.Users
	for _, name := range names {
		link := access.Link{Name: name}
		switch name {
		case "cert":
			link.Authenticator = access.Certificate{Field: l.UserFromCert}
			guests = append(guests, fmt.Sprintf("whoever has a certificate of %s, by its %s", l.ClientCA, l.UserFromCert))
		case "file":
			link.Authenticator = k.passwords
			sources = append(sources, k.passwords)
			guests = append(guests, fmt.Sprintf("users of %s (%d)", k.config.Auth.File.Passwords, k.users))
		case "anonymous":
			link.Authenticator = access.Anonymous{}
			guests = append(guests, "everybody else who gives no credentials, without a name")
		default:
			return nil, "", fmt.Errorf("authenticator %s: it is not part of this build", name)
		}
		links = append(links, link)
	}
	challenges, err := k.challenges(l, sources)
	if challenges != nil {
		links = append(links, *challenges)
	}
	return access.Chain(links...), strings.Join(guests, "; "), err
}

// challenges is the link for enhanced authentication, where there is anybody to
// speak it with.
func (k *locks) challenges(l *config.Listener, sources []sasl.Users) (*access.Link, error) {
	if len(sources) == 0 && l.UserFromCert == "" {
		return nil, nil
	}
	o := access.SASLOptions{Methods: k.config.Auth.SASL.Mechanisms, PlainWithoutTLS: k.config.Auth.SASL.PlainWithoutTLS,
		CertificateField: l.UserFromCert, Secret: k.secret, Log: k.log}
	if len(sources) > 0 {
		o.Users = access.Users(sources...)
	}
	s, err := access.NewSASL(o)
	if err != nil {
		return nil, err
	}
	return &access.Link{Name: "sasl", Authenticator: s}, nil
}

// authorizer is who decides what somebody may do; nil: they may do everything.
func (k *locks) authorizer() broker.Authorizer { return k.rules }

func (k *locks) greet(log *slog.Logger) {
	if k.rules == nil {
		log.Info("there are no access rules: whoever is let in may do everything")
	}
}

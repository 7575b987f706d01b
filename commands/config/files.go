package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// ReadFile reads a config file, or one that is no larger than such.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadText(path, f)
}

// ReadText reads what has no more bytes than a config file may; name is for its
// error.
func ReadText(name string, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, longestFile+1))
	if err == nil && len(text) > longestFile {
		err = &os.PathError{Op: "read", Path: name, Err: fmt.Errorf("is longer than %d bytes, the most that is read of such a file", longestFile)}
	}
	return text, err
}

// openCertificates reads the files of an encrypted listener, as it will when
// it is opened.
func (k *checker) openCertificates(l *Listener) {
	for i := range max(len(l.Cert), len(l.Key)) {
		var texts [2][]byte
		whole := true
		for j, files := range [][]string{l.Cert, l.Key} {
			if i >= len(files) {
				whole = false // said before
				continue
			}
			var err error
			if texts[j], err = ReadFile(files[i]); err != nil {
				whole = false
				k.about(l, []string{"cert", "key"}[j], "%s", because(err))
			}
		}
		if !whole {
			continue
		}
		if _, err := tls.X509KeyPair(texts[0], texts[1]); err != nil {
			k.about(l, "cert", "%s and %s are no certificate and key that belong together: %v", l.Cert[i], l.Key[i], err)
		}
	}
	if l.ClientCA != "" {
		text, err := ReadFile(l.ClientCA)
		if err != nil {
			k.about(l, "client_ca", "%s", because(err))
		} else if !x509.NewCertPool().AppendCertsFromPEM(text) {
			k.about(l, "client_ca", "%s holds no certificate as PEM", l.ClientCA)
		}
	}
	if l.TLSKeylog != "" {
		k.directory(l, "tls_keylog", l.TLSKeylog)
	}
}

// Warnings are about certificates of servers that clients refuse, or soon will.
func (c *Config) Warnings(now time.Time) []Problem {
	k := checker{c: c}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		for _, file := range l.Cert {
			text, err := ReadFile(file)
			if err != nil {
				continue // said before
			}
			if text := outOfDate(text, now); text != "" {
				k.about(l, "cert", "%s %s", file, text)
			}
		}
	}
	return InOrder(k.problems)
}

// outOfDate looks at the first certificate of the PEM file.
func outOfDate(text []byte, now time.Time) string {
	block, rest := pem.Decode(text)
	for block != nil && block.Type != "CERTIFICATE" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return ""
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	// The short-lived are renewed late.
	soon := min(14*24*time.Hour, cert.NotAfter.Sub(cert.NotBefore)/5)
	date := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
	switch {
	case now.After(cert.NotAfter):
		return "has expired on " + date(cert.NotAfter) + ": clients refuse it"
	case now.Before(cert.NotBefore):
		return "is not valid before " + date(cert.NotBefore) + ": clients refuse it until then"
	case now.Add(soon).After(cert.NotAfter):
		return "expires on " + date(cert.NotAfter)
	}
	return ""
}

// socket looks at what a Unix socket needs.
func (k *checker) socket(l *Listener, path string) {
	k.directory(l, "url", path)
	if _, err := user.Lookup(l.Owner); l.Owner != "" && err != nil && !isNumber(l.Owner) {
		k.about(l, "owner", "there is no user %s", l.Owner)
	}
	if _, err := user.LookupGroup(l.Group); l.Group != "" && err != nil && !isNumber(l.Group) {
		k.about(l, "group", "there is no group %s", l.Group)
	}
}

func (k *checker) directory(l *Listener, name, path string) {
	if info, err := os.Stat(filepath.Dir(path)); err != nil {
		k.about(l, name, "%s", because(err))
	} else if !info.IsDir() {
		k.about(l, name, "%s is no directory", filepath.Dir(path))
	}
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

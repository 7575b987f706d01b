package commands

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An authority signs the certificates of a test, for an hour.
type authority struct {
	dir  string            // where the files go; its own certificate is ca.pem
	cert *x509.Certificate // nil until the first is issued
	key  *ecdsa.PrivateKey
	next int64 // serial number
	late bool  // those that it signs have expired
}

func (a *authority) found() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := a.template("an authority of tests")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	a.key = key
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	return a.write("ca.pem", "CERTIFICATE", der)
}

func (a *authority) template(name string) *x509.Certificate {
	a.next++
	ends := time.Now().Add(time.Hour)
	if a.late {
		ends = time.Now().Add(-time.Second)
	}
	return &x509.Certificate{
		SerialNumber: big.NewInt(a.next),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     ends,
	}
}

// issue writes FILE.pem and FILE.key for a name, which as a server may be reached
// at the hosts, and as a client has them as its alternative names.
func (a *authority) issue(file, name string, hosts ...string) error {
	if a.cert == nil {
		if err := a.found(); err != nil {
			return err
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := a.template(name)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := a.write(file+".pem", "CERTIFICATE", der); err != nil {
		return err
	}
	return a.write(file+".key", "PRIVATE KEY", secret)
}

// write replaces a file as a whole, like those who renew certificates do.
func (a *authority) write(name, kind string, der []byte) error {
	path := filepath.Join(a.dir, name)
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// testAuthority is one in a folder of the test's own, with a certificate for a
// server of this machine in server.pem and server.key.
func testAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	if err := a.issue("server", "the server", "localhost", "127.0.0.1", "::1"); err != nil {
		t.Fatal(err)
	}
	return a
}

// file is the path of one of its files.
func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Certificates that clients refuse, or soon will, are told.
func TestWarnings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.pem")
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for _, test := range []struct {
		from, to time.Duration
		want     string
	}{
		{-300 * day, 15 * day, ""},
		{-300 * day, 13 * day, "3:1 listener.cert: FILE expires on 2026-05-14 12:00 UTC"},
		{-4 * day, 2 * day, ""},
		{-5 * day, day, "3:1 listener.cert: FILE expires on 2026-05-02 12:00 UTC"},
		{-300 * day, -time.Minute, "3:1 listener.cert: FILE has expired on 2026-05-01 11:59 UTC: clients refuse it"},
		{time.Minute, 300 * day, "3:1 listener.cert: FILE is not valid before 2026-05-01 12:01 UTC: clients refuse it until then"},
	} {
		writeCertificate(t, file, now.Add(test.from), now.Add(test.to))
		c, problems := Read("f", []byte("[[listener]]\nurl = 'mqtts://localhost'\ncert = '"+file+"'\nkey = '/gone'\n[[listener]]\nurl = 'mqtts://localhost:1'\ncert = '/gone'\n"))
		if problems != nil {
			t.Fatal(problems)
		}
		if got := strings.ReplaceAll(brief(c.Warnings(now)), file, "FILE"); got != test.want {
			t.Errorf("from %v to %v: got %q, want %q", test.from, test.to, got, test.want)
		}
	}
}

func writeCertificate(t *testing.T, file string, from, to time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text := append([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Keys that openssl has encrypted are opened, and only with their password.
func TestEncryptedKeys(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(dir, "plain.key")
	if err := os.WriteFile(plain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{
		"pkcs8 -topk8",
		"pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1",
		"pkcs8 -topk8 -v2 aes-192-cbc -v2prf hmacWithSHA384",
		"pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA512 -iter 100000",
		"pkcs8 -topk8 -v2 des3 -v2prf hmacWithSHA224",
		"ec -aes256",
	} {
		t.Run(words, func(t *testing.T) {
			args := append(strings.Fields(words), "-in", plain, "-passout", "pass:secret")
			text, err := exec.Command("openssl", args...).Output()
			if err != nil {
				t.Fatal(err)
			}
			opened, err := openKey(text, []byte("secret"))
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(opened)
			again, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if block.Type == "EC PRIVATE KEY" {
				again, err = x509.ParseECPrivateKey(block.Bytes)
			}
			if err != nil || !key.Equal(again) {
				t.Errorf("opened a %s: %v", block.Type, err)
			}
			for password, want := range map[string]string{"": "no password was given", "wrong": "does not open it"} {
				if _, err := openKey(text, []byte(password)); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("with the password %q: %v", password, err)
				}
			}
			for cut := range text {
				_, _ = openKey(text[:cut], []byte("secret"))
			}
			for i := range 3000 { // an old file's padding alone tells of 255 in 256
				if words != "ec -aes256" {
					break
				}
				if _, err := openKey(text, fmt.Append(nil, "wrong", i)); !errors.Is(err, errKeyPassword) {
					t.Errorf("with the password wrong%d: %v", i, err)
				}
			}
		})
	}
}

func FuzzEncryptedKey(f *testing.F) {
	f.Add([]byte("0"))
	f.Fuzz(func(t *testing.T, der []byte) {
		if _, err := decryptPKCS8(der, []byte("secret")); err == nil {
			t.Error("opened")
		}
	})
}

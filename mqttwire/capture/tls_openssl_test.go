package capture

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestTLSOpenSSL hears what OpenSSL says to itself: with suites that Go has
// not or does not let itself be asked for, with new keys on the way, and with
// a renegotiation.
func TestTLSOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed, so its suites are not tested")
	}
	if testing.Short() {
		t.Skip("starts many processes of openssl")
	}
	psk := []string{"-psk", "0123456789abcdef"}
	for _, test := range []struct {
		name     string
		flags    []string
		between  string // a command to s_client
		elliptic bool
	}{
		{name: "1.3 AES 128", flags: []string{"-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"}, between: "K"},
		{name: "1.3 AES 256", flags: []string{"-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"}, between: "K"},
		{name: "1.3 ChaCha20", flags: []string{"-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"}, between: "k"},
		{name: "1.3 CCM", flags: []string{"-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"}, between: "K"},
		{name: "1.3 CCM 8", flags: []string{"-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"}},
		{name: "1.2 renegotiated", flags: []string{"-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"}, between: "R"},
		{name: "1.2 CBC renegotiated", flags: []string{"-tls1_2", "-cipher", "AES128-SHA"}, between: "R"},
		{name: "1.2 encrypt then MAC", flags: []string{"-tls1_2", "-cipher", "DHE-RSA-AES256-SHA256"}},
		{name: "1.2 encrypt then MAC, SHA 384", flags: []string{"-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"}},
		{name: "1.2 MAC then encrypt", flags: []string{"-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384", "-no_etm"}},
		{name: "1.2 CCM", flags: []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-CCM"}, elliptic: true},
		{name: "1.2 CCM 8", flags: []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8"}, elliptic: true},
		{name: "1.2 PSK", flags: append([]string{"-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256"}, psk...)},
		{name: "1.2 PSK CBC", flags: append([]string{"-tls1_2", "-cipher", "PSK-AES256-CBC-SHA384"}, psk...)},
		{name: "1.2 PSK CCM 8", flags: append([]string{"-tls1_2", "-cipher", "PSK-AES128-CCM8"}, psk...)},
		{name: "1.2 ECDHE PSK ChaCha20", flags: append([]string{"-tls1_2", "-cipher", "ECDHE-PSK-CHACHA20-POLY1305"}, psk...)},
		{name: "1.0", flags: []string{"-tls1", "-cipher", "AES256-SHA:@SECLEVEL=0"}},
		{name: "1.1 encrypt then MAC", flags: []string{"-tls1_1", "-cipher", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pieces, keys := opensslTalk(t, openssl, test.flags, test.between, test.elliptic)
			for _, size := range []int{0, 1} {
				log, err := os.Open(keys)
				if err != nil {
					t.Fatal(err)
				}
				parsed, err := ParseKeyLog(log)
				log.Close()
				if err != nil {
					t.Fatal(err)
				}
				got, errs := heard(parsed, pieces, size)
				if want := [2]string{"one\ntwo\nthree\n", "eno\nowt\neerht\n"}; got != want || errs != nil {
					t.Errorf("in pieces of %d: heard %q, %v", size, got, errs)
				}
			}
		})
	}
}

// opensslTalk has s_client say three lines, which s_server says backwards.
func opensslTalk(t *testing.T, openssl string, flags []string, between string, elliptic bool) (pieces []spokenPiece, keys string) {
	t.Helper()
	dir := t.TempDir()
	keys = filepath.Join(dir, "keys")
	serverFlags := append([]string{"s_server", "-accept", "127.0.0.1:0", "-rev", "-client_renegotiation", "-cert", pemFile(t, dir, elliptic), "-keylogfile", keys}, flags...)
	server := exec.Command(openssl, serverFlags...)
	out := start(t, server)
	address := out.until(regexp.MustCompile(`^ACCEPT (.*)$`))[1]
	tap, conn := tapTCP(t, address)

	client := exec.Command(openssl, append([]string{"s_client", "-connect", conn}, flags...)...)
	in, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers := start(t, client)
	for _, line := range []string{"one", "two", "three"} {
		fmt.Fprintln(in, line)
		answers.until(regexp.MustCompile("^" + backwards(line) + "$"))
		if between != "" && line != "three" {
			fmt.Fprintln(in, between)
			answers.until(regexp.MustCompile("^(KEYUPDATE|RENEGOTIATING)$"))
		}
	}
	fmt.Fprintln(in, "Q")
	tap.wait()
	return tap.pieces, keys
}

func backwards(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

func pemFile(t *testing.T, dir string, elliptic bool) string {
	t.Helper()
	certificate := selfSigned(t, elliptic)
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	path := filepath.Join(dir, "server.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// processLines are the lines of a process that runs as long as its test.
type processLines struct {
	t *testing.T
	*bufio.Scanner
	seen []string
}

func start(t *testing.T, cmd *exec.Cmd) *processLines {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		r.Close()
	})
	return &processLines{t: t, Scanner: bufio.NewScanner(r)}
}

// until reads lines up to one that matches.
func (p *processLines) until(pattern *regexp.Regexp) []string {
	p.t.Helper()
	for p.Scan() {
		p.seen = append(p.seen, p.Text())
		if found := pattern.FindStringSubmatch(p.Text()); found != nil {
			return found
		}
	}
	p.t.Fatalf("no line is like %s:\n%s", pattern, strings.Join(p.seen, "\n"))
	return nil
}

// A tcpTap forwards one connection.
type tcpTap struct {
	wiretap
	done sync.WaitGroup
}

func tapTCP(t *testing.T, target string) (*tcpTap, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	tap := &tcpTap{}
	tap.done.Go(func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", target)
		if err != nil {
			client.Close()
			return
		}
		tap.done.Go(func() { tap.forward(true, server, client) })
		tap.forward(false, client, server)
	})
	return tap, l.Addr().String()
}

func (p *tcpTap) forward(fromServer bool, from, to net.Conn) {
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			p.keep(fromServer, buffer[:n])
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *tcpTap) wait() { p.done.Wait() }

package commands

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startDoors starts serve with one listener for each of the addresses, whose keys
// name files of the authority.
func startDoors(t *testing.T, a *authority, listeners ...string) (doors []testBroker) {
	t.Helper()
	args := []string{"serve", "--ready-fd", "1"}
	for _, l := range listeners {
		l = strings.NewReplacer("TLS", "cert="+a.file("server.pem")+"&key="+a.file("server.key"), "CA", a.file("ca.pem")).Replace(l)
		args = append(args, "--listen", l)
	}
	p := launch(t, mqtkCommand(t, args...))
	var ready struct{ Listeners []string }
	if err := json.Unmarshal([]byte(p.next(`"ready":true`)), &ready); err != nil {
		t.Fatal(err)
	}
	for _, address := range ready.Listeners {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		b := testBroker{name: "mqtk by " + u.Scheme, host: u.Hostname(), port: u.Port(), process: p, scheme: u.Scheme}
		if u.Scheme == "mqtts" || u.Scheme == "wss" {
			b.cafile = a.file("ca.pem")
		}
		doors = append(doors, b)
	}
	return doors
}

// TestInteropDoors: our broker behind TLS and WebSocket, between its own clients
// and those of others.
func TestInteropDoors(t *testing.T) {
	t.Parallel()
	a := testAuthority(t)
	if err := a.issue("client", "a client"); err != nil {
		t.Fatal(err)
	}
	doors := startDoors(t, a, "mqtts://127.0.0.1:0?TLS", "mqtts://127.0.0.1:0?TLS&client_ca=CA",
		"ws://127.0.0.1:0", "wss://127.0.0.1:0?TLS", "ws://127.0.0.1:0?compression=true", "wss://127.0.0.1:0?TLS&client_ca=CA")
	for _, i := range []int{1, 5} {
		doors[i].name += " with client certificates"
		doors[i].cert, doors[i].key = a.file("client.pem"), a.file("client.key")
	}
	doors[4].name += " with compression"
	for name, build := range map[string]func(*testing.T) peer{
		"mqtk":      func(*testing.T) peer { return mqtkPeer() },
		"mosquitto": mosquittoPeer,
		"paho":      pahoPeer,
		"mqttjs":    mqttjsPeer,
	} {
		t.Run(name, func(t *testing.T) {
			other := build(t)
			for _, b := range doors {
				if name == "mosquitto" && b.scheme != "mqtts" {
					continue // its clients have no WebSocket
				}
				t.Run(b.name, func(t *testing.T) {
					for _, version := range []string{"3.1.1", "5.0"} {
						exchange(t, b, other, mqtkPeer(), version)
						exchange(t, b, mqtkPeer(), other, version)
					}
				})
			}
		})
	}
}

// TestInteropCertificateSwap: a certificate that is replaced on disk is shown to the
// next client, while those who are there stay.
func TestInteropCertificateSwap(t *testing.T) {
	t.Parallel()
	a := testAuthority(t)
	b := startDoors(t, a, "mqtts://127.0.0.1:0?TLS")[0]
	peer := mqtkPeer()
	sub := launch(t, peer.sub(t, b, "5.0", "swap/#"))
	sub.next(peer.ready)
	other := &authority{dir: t.TempDir()}
	if err := other.issue("server", "the next server", "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server.pem", "server.key"} {
		if err := os.Rename(other.file(name), a.file(name)); err != nil {
			t.Fatal(err)
		}
	}
	next := b
	next.cafile = other.file("ca.pem")
	deadline := time.Now().Add(lineDeadline)
	for { // files are looked at once a second
		if out, err := peer.pub(t, next, "5.0", "swap")[1].CombinedOutput(); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the next certificate is not shown: %s", out)
		}
	}
	sub.next("MSG swap/1 1 0 hello 1")
}

// pageURL serves a page with MQTT.js, and what it reports comes by the channel.
func pageURL(t *testing.T) (string, <-chan string) {
	t.Helper()
	module := os.Getenv("MQTK_TEST_MQTTJS")
	if module == "" {
		t.Skip("MQTT.js is not there: npm install mqtt, and set MQTK_TEST_MQTTJS to its folder in node_modules")
	}
	reports := make(chan string, 100)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "testdata/interop/page.html")
	})
	mux.HandleFunc("GET /mqtt.min.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(module, "dist", "mqtt.min.js"))
	})
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		reports <- string(text)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, reports
}

// browse has Chromium open a page until the test ends. It trusts the key of the
// server's certificate, as it has no way to be told of an authority.
func browse(t *testing.T, a *authority, page string) {
	t.Helper()
	text, err := os.ReadFile(a.file("server.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	pin := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	p := launch(t, exec.Command(needProgram(t, "chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), "--ignore-certificate-errors-spki-list="+base64.StdEncoding.EncodeToString(pin[:]), page))
	t.Cleanup(func() { // before it is killed: its helpers end with it
		p.terminate()
		select {
		case <-p.done:
		case <-time.After(lineDeadline):
		}
	})
}

// TestInteropBrowser: a page of a browser, over WebSocket with and without TLS, and
// from an origin that may not connect.
func TestInteropBrowser(t *testing.T) {
	needProgram(t, "chromium")
	page, reports := pageURL(t)
	a := testAuthority(t)
	doors := startDoors(t, a, "ws://127.0.0.1:0?origins="+page, "wss://127.0.0.1:0?TLS", "ws://127.0.0.1:0?compression=true",
		"ws://127.0.0.1:0?origins=https://good.example")
	const good = "browser/0 0 1 65\nbrowser/1 1 1 66\nbrowser/2 2 1 67\nbrowser/large 1 300000 68"
	for i, want := range []string{good, good, good, "closed"} {
		t.Run(doors[i].url(), func(t *testing.T) {
			browse(t, a, page+"/?broker="+url.QueryEscape(doors[i].url()+"/mqtt"))
			select {
			case got := <-reports:
				if got != want && (want != "closed" || !strings.HasPrefix(got, "error")) {
					t.Errorf("the page reports\n%s\nwant\n%s\n%s", got, want, doors[i].process.output())
				}
			case <-time.After(3 * lineDeadline): // a browser takes its time to start
				t.Errorf("the page reports nothing\n%s", doors[i].process.output())
			}
		})
	}
}

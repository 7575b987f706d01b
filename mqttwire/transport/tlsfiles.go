package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mqtk/mqttwire/transport/keyfile"
)

// serverTLS is what a listener shows of itself to TLS clients, as its files said
// when they were last looked at.
type serverTLS struct {
	o      ServerTLS
	log    *slog.Logger
	face   *tlsFace
	keyLog *os.File

	mu      sync.Mutex
	looked  time.Time
	seen    []fs.FileInfo // of files(), as they were when they were read; nil: not there
	broken  bool          // they could not be read then
	current *tls.Config
	mute    *tls.Config // current for clients that offer no protocol of ours by ALPN
}

// lookAgain is how long files are taken for unchanged.
const lookAgain = time.Second

// newServerTLS reads all files. Without one of them nobody listens.
func newServerTLS(o ServerTLS, alpn string, log *slog.Logger) (*serverTLS, error) {
	if len(o.Certificates) == 0 {
		return nil, errors.New("TLS needs a certificate and its key")
	}
	if len(o.ALPN) == 0 {
		o.ALPN = []string{alpn}
	}
	s := &serverTLS{o: o, log: log, looked: time.Now()}
	var err error
	s.seen = s.stat()
	if s.current, err = s.load(); err != nil {
		return nil, err
	}
	if o.KeyLog != "" {
		if s.keyLog, err = openKeyLog(o.KeyLog); err != nil {
			return nil, err
		}
		log.Warn("whoever reads the key log reads all that is said", "file", o.KeyLog)
	}
	s.finish(s.current)
	s.face = newFace(s)
	return s, nil
}

// A tlsFace is what a listener shows as long as it is open, whatever its options
// become: it has the keys of the session tickets, by which clients come back.
type tlsFace struct {
	config *tls.Config
	now    atomic.Pointer[serverTLS]
}

func newFace(s *serverTLS) *tlsFace {
	f := &tlsFace{}
	f.config = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		return f.now.Load().configFor(hello)
	}}
	f.now.Store(s)
	return f
}

// takeOver shows s by the face of another from now on.
func (s *serverTLS) takeOver(other *serverTLS) {
	s.face = other.face
	s.face.now.Store(s)
}

// openKeyLog opens a file for secrets.
func openKeyLog(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("key log: %w", err)
	}
	if err := f.Chmod(0o600); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		f.Close()
		return nil, fmt.Errorf("key log: %w", err)
	}
	return f, nil
}

func (s *serverTLS) close() {
	if s.keyLog != nil {
		s.keyLog.Close()
	}
}

// configFor is what a client gets. A protocol by ALPN that is none of ours is let
// pass: the bytes will tell.
func (s *serverTLS) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	for _, name := range hello.SupportedProtos {
		if slices.Contains(s.o.ALPN, name) {
			return s.current, nil
		}
	}
	return s.mute, nil
}

// look reads the files again if one of them has changed. Broken ones are tried
// again each time, for they may have been read while they were written.
func (s *serverTLS) look() {
	now := time.Now()
	if now.Sub(s.looked) < lookAgain {
		return
	}
	s.looked = now
	seen := s.stat()
	changed := !slices.EqualFunc(seen, s.seen, sameFile)
	if !changed && !s.broken {
		return
	}
	next, err := s.load()
	s.seen, s.broken = seen, err != nil
	if err != nil {
		if changed {
			s.log.Error("TLS files have changed and cannot be used; new clients get what was there before", "err", err)
		}
		return
	}
	s.finish(next)
	s.log.Info("TLS files read again", "certificate", s.o.Certificates[0].Cert, "valid_until", next.Certificates[0].Leaf.NotAfter)
}

// finish makes a config the one that clients get.
func (s *serverTLS) finish(next *tls.Config) {
	if s.keyLog != nil {
		next.KeyLogWriter = s.keyLog
	}
	s.current, s.mute = next, next.Clone()
	s.mute.NextProtos = nil
}

func (s *serverTLS) files() (paths []string) {
	for _, pair := range s.o.Certificates {
		paths = append(paths, pair.Cert, pair.Key)
	}
	if s.o.ClientCA != "" {
		paths = append(paths, s.o.ClientCA)
	}
	return paths
}

func (s *serverTLS) stat() (infos []fs.FileInfo) {
	for _, path := range s.files() {
		info, err := os.Stat(path)
		if err != nil {
			info = nil
		}
		infos = append(infos, info)
	}
	return infos
}

func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// load reads the files.
func (s *serverTLS) load() (*tls.Config, error) {
	c := &tls.Config{
		MinVersion:                  max(s.o.MinVersion, tls.VersionTLS12),
		NextProtos:                  s.o.ALPN,
		DynamicRecordSizingDisabled: true, // what is gathered leaves in one write
	}
	var err error
	if c.CipherSuites, err = cipherSuites(s.o.Ciphers); err != nil {
		return nil, err
	}
	for _, pair := range s.o.Certificates {
		certificate, err := loadKeyPair(pair.Cert, pair.Key, nil)
		if err != nil {
			return nil, err
		}
		c.Certificates = append(c.Certificates, certificate)
	}
	return c, s.clients(c)
}

// clients says who may sign clients' certificates.
func (s *serverTLS) clients(c *tls.Config) error {
	switch {
	case s.o.ClientCA == "" && s.o.ClientCertificate != "":
		return errors.New("to verify client certificates a client CA file is needed")
	case s.o.ClientCA == "":
		return nil
	case s.o.ClientCertificate == "" || s.o.ClientCertificate == "require":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case s.o.ClientCertificate == "optional":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	default:
		return fmt.Errorf("client certificates are %q: it can be require or optional", s.o.ClientCertificate)
	}
	text, err := keyfile.Read(s.o.ClientCA)
	if err != nil {
		return fmt.Errorf("client CA: %w", err)
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(text) {
		return fmt.Errorf("client CA %s: no certificate in PEM form is in it", s.o.ClientCA)
	}
	c.VerifyConnection = func(state tls.ConnectionState) error { return verifyClient(state, c) }
	return nil
}

// verifyClient verifies again what a resumed session was granted once: those who
// may sign may be others today.
func verifyClient(state tls.ConnectionState, c *tls.Config) error {
	if len(state.PeerCertificates) == 0 {
		if c.ClientAuth == tls.RequireAndVerifyClientCert {
			return errors.New("tls: client didn't provide a certificate")
		}
		return nil
	}
	if !state.DidResume {
		return nil // crypto/tls has verified it
	}
	o := x509.VerifyOptions{Roots: c.ClientCAs, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, certificate := range state.PeerCertificates[1:] {
		o.Intermediates.AddCert(certificate)
	}
	if _, err := state.PeerCertificates[0].Verify(o); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
	}
	return nil
}

// explainClient makes a sentence of why a client's TLS handshake failed.
func explainClient(err error) error {
	if other := (tls.RecordHeaderError{}); errors.As(err, &other) {
		switch first := other.RecordHeader[0]; {
		case first == 0x10:
			return errors.New("the client speaks MQTT without TLS")
		case first >= 'A' && first <= 'Z':
			return errors.New("the client speaks HTTP, or else, without TLS")
		}
	}
	text := strings.TrimPrefix(err.Error(), "tls: ")
	if alert, found := strings.CutPrefix(text, "remote error: tls: "); found {
		return &handshakeError{"the client has ended the TLS handshake: " + alert, err}
	}
	return &handshakeError{"TLS handshake: " + text, err}
}

// handshakeError says what a client did, in words for an operator.
type handshakeError struct {
	text  string
	cause error
}

func (e *handshakeError) Error() string { return e.text }
func (e *handshakeError) Unwrap() error { return e.cause }

package transport

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"
)

// Listen opens the address of url. Port 0 takes a free one; see URL. An IPv4 or
// IPv6 literal listens on that family alone, an empty host on both. A Unix
// socket's file that nobody listens on any more is replaced.
func Listen(url string, o ListenOptions) (net.Listener, error) {
	t, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	sch, _ := lookup(t.Scheme)
	if sch.listen == nil {
		return nil, unsupported(t.String(), t.Scheme)
	}
	e, err := newEntrance(t, o)
	if err != nil {
		return nil, &Error{Kind: Usage, Subject: t.String(), Err: err}
	}
	l, err := sch.listen(t, o)
	if err != nil {
		if e.tls != nil {
			e.tls.close()
		}
		return nil, wrap(t, "cannot listen", err)
	}
	return e.behind(l, t.Scheme), nil
}

// Wrap makes a listener, which somebody else has opened, one of Listen's: url's
// scheme says what is spoken there, its address nothing. A Unix socket's file stays
// when it is closed.
func Wrap(l net.Listener, url string, o ListenOptions) (net.Listener, error) {
	t, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	e, err := newEntrance(t, o)
	if err != nil {
		return nil, &Error{Kind: Usage, Subject: t.String(), Err: err}
	}
	switch socket := l.(type) {
	case *net.TCPListener:
		if err := shareOptions(socket); err != nil {
			return nil, wrap(t, "cannot listen", err)
		}
		l = &Socket{Listener: l, closed: make(chan struct{})}
	case *net.UnixListener:
		l = &Socket{Listener: l, closed: make(chan struct{}), lent: true}
	}
	return e.behind(l, t.Scheme), nil
}

// URL is where clients reach l: mqtt://127.0.0.1:41233. A listener that is
// neither TCP nor a Unix socket says it by a method URL() string.
func URL(l net.Listener) string {
	if u, ok := l.(interface{ URL() string }); ok {
		return u.URL()
	}
	switch a := l.Addr().(type) {
	case *net.UnixAddr:
		return "unix://" + (&url.URL{Path: a.Name}).EscapedPath()
	default:
		return "mqtt://" + a.String()
	}
}

func listenTCP(t Target, _ ListenOptions) (net.Listener, error) {
	network := "tcp"
	if a, err := netip.ParseAddr(t.Host); err == nil && a.Is4() {
		network = "tcp4"
	} else if err == nil {
		network = "tcp6" // or [::] would open 0.0.0.0 too
	}
	lc := tcpConfig()
	lc.SetMultipathTCP(false)
	return newSocket(lc.Listen(context.Background(), network, t.Address()))
}

// MQTT has its own keep alive: TCP's finds peers that asked for none.
const (
	keepAliveIdle     = 60 // seconds
	keepAliveInterval = 15 // seconds
	keepAliveCount    = 9
)

func listenUnix(t Target, o ListenOptions) (net.Listener, error) {
	l, err := bindUnix(t.Path, o)
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(t.Path) {
		if err := os.Remove(t.Path); err != nil {
			return nil, err
		}
		l, err = bindUnix(t.Path, o)
	}
	return newSocket(l, err)
}

// bindUnix makes the socket's file. Where it shall belong to others, nobody of
// before connects meanwhile.
func bindUnix(path string, o ListenOptions) (net.Listener, error) {
	mode, first := o.Mode, o.Mode
	if mode == 0 {
		mode, first = 0o600, 0o600
	}
	uid, gid, err := ownerOf(o.Owner, o.Group)
	if err != nil {
		return nil, &Error{Kind: Usage, Subject: path, Err: err}
	}
	if uid >= 0 || gid >= 0 {
		first &= 0o700
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { narrow(fd, first) })
	}}
	l, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if uid >= 0 || gid >= 0 {
		err = os.Chown(path, uid, gid)
	}
	if err == nil {
		err = os.Chmod(path, mode) // the umask took bits away
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// abandoned reports whether path is a socket that nobody listens on.
func abandoned(path string) bool {
	if fi, err := os.Lstat(path); err != nil || fi.Mode().Type() != fs.ModeSocket {
		return false
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

//go:build unix

package transport

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestUnixOwner(t *testing.T) {
	group, err := user.LookupGroupId(strconv.Itoa(os.Getgid()))
	if err != nil {
		t.Skip("this user's group has no name")
	}
	who, uid := strconv.Itoa(os.Getuid()), os.Getuid()
	if uid == 0 {
		if u, err := user.Lookup("nobody"); err == nil {
			who = "nobody"
			uid, _ = strconv.Atoi(u.Uid)
		}
	}
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen("unix://"+path, ListenOptions{Mode: 0o660, Owner: who, Group: group.Name})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if info.Mode() != fs.ModeSocket|0o660 || int(owner.Uid) != uid || int(owner.Gid) != os.Getgid() {
		t.Errorf("the file is %v of %d and %d", info.Mode(), owner.Uid, owner.Gid)
	}
	for _, o := range []ListenOptions{{Owner: "nobody-is-called-that"}, {Group: "nobody-is-called-that"}} {
		if l, err := Listen("unix://"+path+"2", o); err == nil || !strings.Contains(err.Error(), "knows no such") {
			t.Errorf("%v: %v, %v", o, l, err)
		}
	}
}

// inheritedChild is set where this program is the one that gets sockets.
const inheritedChild = "MQTK_TEST_INHERITED"

// TestInherited passes sockets on as systemd does, to this program again.
func TestInherited(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	path := filepath.Join(t.TempDir(), "s")
	local, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	var files []*os.File
	for _, socket := range []interface{ File() (*os.File, error) }{tcp.(*net.TCPListener), local.(*net.UnixListener), datagrams.(*net.UDPConn)} {
		f, err := socket.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	child := func(n int) string {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), inheritedChild+"="+strconv.Itoa(n))
		cmd.ExtraFiles = files[:n]
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return string(bytes.TrimSpace(out))
	}
	said := child(2)
	for _, want := range []string{"web mqtt://" + tcp.Addr().String(), "unknown unix://" + path} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
	if said := child(3); !strings.Contains(said, "descriptor 5") || !strings.Contains(said, "no socket that listens") {
		t.Errorf("a socket for datagrams: %s", said)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the socket of the service manager is gone: %v", err)
	}
}

// TestMain is also that of the process to which the sockets are passed.
func TestMain(m *testing.M) {
	n := os.Getenv(inheritedChild)
	if n == "" {
		os.Exit(m.Run())
	}
	if err := sayInherited(n); err != nil {
		fmt.Println(err)
		if !strings.Contains(err.Error(), "descriptor") {
			os.Exit(1)
		}
	}
}

// sayInherited prints what n sockets are that were passed.
func sayInherited(n string) error {
	environment := map[string]string{"LISTEN_PID": strconv.Itoa(os.Getpid()), "LISTEN_FDS": n, "LISTEN_FDNAMES": "web:"}
	listeners, names, err := Inherited(func(name string) string { return environment[name] })
	if err != nil {
		return err
	}
	for i, l := range listeners {
		scheme := map[string]string{"tcp": "mqtt://x", "unix": "unix:///x"}[l.Addr().Network()]
		wrapped, err := Wrap(l, scheme, ListenOptions{})
		if err != nil {
			return err
		}
		fmt.Println(names[i], URL(wrapped))
		if _, err := wrapped.(*Socket).Detach(); err != nil {
			return err
		}
		if err := wrapped.Close(); err != nil {
			return err
		}
	}
	return nil
}

func TestInheritedByOthers(t *testing.T) {
	for _, test := range []struct{ pid, fds, want string }{
		{"", "", "0 <nil>"},
		{"1", "2", "0 <nil>"},
		{strconv.Itoa(os.Getpid()), "0", "0 <nil>"},
		{strconv.Itoa(os.Getpid()), "", `0 LISTEN_FDS="" is no number of sockets`},
		{strconv.Itoa(os.Getpid()), "100000", `0 LISTEN_FDS="100000" is no number of sockets`},
	} {
		environment := map[string]string{"LISTEN_PID": test.pid, "LISTEN_FDS": test.fds}
		listeners, _, err := Inherited(func(name string) string { return environment[name] })
		if got := fmt.Sprint(len(listeners), " ", err); got != test.want {
			t.Errorf("%q %q: %s, want %s", test.pid, test.fds, got, test.want)
		}
	}
}

func TestWrapIsListen(t *testing.T) {
	a := newAuthority(t, "authority")
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Wrap(tcp, "wss://:443", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{a.server("127.0.0.1")}}})
	if err != nil {
		t.Fatal(err)
	}
	d := serveDoor(t, l)
	if err := echo(t, d.url, DialOptions{TLS: ClientTLS{CAFile: a.file()}}); err != nil {
		t.Error(err)
	}
}

package bench

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

func TestFailureName(t *testing.T) {
	dial := func(err error) error { return &client.DialError{Target: "tcp://x", Err: err} }
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, "for no reason"},
		{dial(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}), "connection refused"},
		{dial(syscall.ETIMEDOUT), "timed out"},
		{dial(context.DeadlineExceeded), "timed out"},
		{dial(&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}), "timed out"},
		{dial(&net.DNSError{Err: "too slow", IsTimeout: true}), "timed out"},
		{dial(errors.New("tls: no")), "tls: no"},
		{&client.LostError{Err: errClosedByServer}, "the server closed it"},
		{&client.LostError{Err: io.EOF}, "the server closed it"},
		{&client.LostError{Err: errors.New("odd")}, "odd"},
		{&client.LostError{Err: syscall.ECONNRESET}, "connection reset by peer"},
		{&client.TimeoutError{Waiting: "CONNACK", After: time.Second}, "no CONNACK in time"},
		{&client.RefusedError{Reason: mqttwire.ServerBusy}, "ServerBusy"},
		{&client.DisconnectedError{Reason: mqttwire.ServerShuttingDown}, "ServerShuttingDown"},
		{&client.ViolationError{Err: &mqttwire.Error{Reason: mqttwire.ProtocolError, Clause: "4.13", Detail: "odd"}}, "the server broke the protocol: odd: protocol error (0x82, 4.13)"},
	} {
		if got := failureName(test.err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
}

func TestShortage(t *testing.T) {
	plan := Plan{Workers: 2, Target: Target{Network: "tcp", Address: "127.0.0.1:1883"}}
	for _, test := range []struct {
		err     error
		text    string // "": this machine is not to blame
		command string // on Linux, in part
	}{
		{nil, "", ""},
		{io.EOF, "", ""},
		{syscall.ECONNREFUSED, "", ""},
		{syscall.EMFILE, "this process has all the open files that it may have", "nofile"},
		{syscall.ENFILE, "the system has all the open files", "fs.file-max="},
		{syscall.EADDRNOTAVAIL, "no port is left on this side", "ip_local_port_range='1024 "},
		{&client.DialError{Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}, "no port is left on this side", "ip_local_port_range="},
		{syscall.ENOBUFS, "the system has no memory left", ""},
	} {
		short := shortage(test.err, &plan, 100)
		switch {
		case (short == nil) != (test.text == ""):
			t.Errorf("%v: %v", test.err, short)
		case short == nil:
		case !strings.HasPrefix(short.Text, test.text):
			t.Errorf("%v: %s", test.err, short.Text)
		case runtime.GOOS == "linux" && test.command == "nofile" && strings.Contains(short.Command, "ulimit -n "):
		case runtime.GOOS == "linux" && !strings.Contains(short.Error(), test.command):
			t.Errorf("%v: run %s", test.err, short.Command)
		}
	}
}

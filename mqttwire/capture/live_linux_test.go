package capture

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// TestLive captures a conversation over the loopback interface.
func TestLive(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, name := range []string{"lo", AllInterfaces} {
			t.Run(address+" "+name, func(t *testing.T) { captureConversation(t, address, name) })
		}
	}
}

func captureConversation(t *testing.T, address, name string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("no listener at %s: %v", address, err)
	}
	live, err := OpenLive(name)
	if err != nil && strings.Contains(err.Error(), "setcap") {
		l.Close()
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	began := time.Now()
	question, answer := strings.Repeat("question ", 30_000), "answer"
	answered := make(chan error, 1)
	go func() { answered <- answerOnce(l, len(question), answer) }()
	if err := ask(l.Addr().String(), question, answer); err != nil {
		t.Error(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	server := l.Addr().(*net.TCPAddr).AddrPort()
	a := NewAssembler(AssemblerOptions{Ports: []uint16{server.Port()}})
	got := [2]string{}
	for closed := 0; closed < 2; {
		f, err := live.Next()
		if err != nil {
			t.Fatalf("after %d and %d bytes: %v", len(got[0]), len(got[1]), err)
		}
		for _, e := range a.Add(f) {
			if e.At.Before(began.Add(-time.Second)) || e.At.After(time.Now().Add(time.Second)) {
				t.Fatalf("at %v", e.At)
			}
			switch e.Kind {
			case Data:
				got[sideIndex(e.FromServer)] += string(e.Data)
			case Closed:
				closed++
			case Missed, Trouble: // Repeated: TCP is impatient with a machine that has other work
				t.Fatalf("%+v", e)
			}
			if want := netip.AddrPortFrom(server.Addr().Unmap(), server.Port()); e.Connection.Server != want {
				t.Fatalf("the server is %v, not %v", e.Connection.Server, want)
			}
		}
	}
	if got != [2]string{question, answer} {
		t.Errorf("heard %d and %d bytes", len(got[0]), len(got[1]))
	}
	if n := live.Dropped(); n != 0 {
		t.Errorf("%d packets were dropped", n)
	}
}

func answerOnce(l net.Listener, length int, answer string) error {
	defer l.Close()
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.CopyN(io.Discard, c, int64(length)); err != nil {
		return err
	}
	_, err = io.WriteString(c, answer)
	return err
}

func ask(address, question, answer string) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, question); err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	if err == nil && string(got) != answer {
		err = errors.New("another answer: " + string(got))
	}
	return err
}

// TestLiveEnds has Close end a Next.
func TestLiveEnds(t *testing.T) {
	live, err := OpenLive("lo")
	if err != nil {
		t.Skip(err)
	}
	ended := make(chan error)
	go func() {
		for {
			if _, err := live.Next(); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				ended <- err
				return
			}
		}
	}()
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != os.ErrClosed {
		t.Errorf("%v", err)
	}
}

func TestLiveUnknownInterface(t *testing.T) {
	_, err := OpenLive("nothere0")
	if err == nil || !strings.Contains(err.Error(), "there is no interface nothere0; there are any, ") {
		t.Errorf("%v", err)
	}
}

package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemCarriesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := MemPair()
		sent := make([]byte, 5*memBuffer+7)
		random := rand.New(rand.NewPCG(1, 2))
		for i := range sent {
			sent[i] = byte(random.Uint32())
		}
		go func() {
			for rest := sent; len(rest) > 0; {
				n, err := a.Write(rest[:min(len(rest), 1+random.IntN(2*memBuffer))])
				if err != nil {
					t.Error(err)
				}
				rest = rest[n:]
			}
			a.CloseWrite()
		}()
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes came of %d, %v", len(got), len(sent), err)
		}
		if _, err := b.Write([]byte("x")); err != nil {
			t.Errorf("the other direction after a half-close: %v", err)
		}
		if n, err := a.Read(make([]byte, 9)); n != 1 || err != nil {
			t.Errorf("the other direction: %d, %v", n, err)
		}
	})
}

func TestMemWriterWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := MemPair()
		done := false
		go func() {
			if n, err := a.Write(make([]byte, memBuffer+10)); n != memBuffer+10 || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			done = true
		}()
		synctest.Wait()
		if done {
			t.Error("a peer that does not read holds more than its buffer")
		}
		if n, _ := b.Read(make([]byte, 5)); n != 5 {
			t.Errorf("read %d", n)
		}
		synctest.Wait()
		if done {
			t.Error("the rest does not fit yet")
		}
		b.Read(make([]byte, 5))
		synctest.Wait()
		if !done {
			t.Error("there is room and the writer still waits")
		}
	})
}

func TestMemDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := MemPair()
		start := time.Now()
		isTimeout := func(what string, err error, after time.Duration) {
			t.Helper()
			var ne net.Error
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
				t.Errorf("%s: %v is no time-out", what, err)
			}
			if took := time.Since(start); took != after {
				t.Errorf("%s took %v, not %v", what, took, after)
			}
		}
		a.SetReadDeadline(start.Add(time.Second))
		_, err := a.Read(make([]byte, 1))
		isTimeout("read", err, time.Second)
		_, err = a.Read(make([]byte, 1))
		isTimeout("read past the deadline", err, time.Second)

		a.SetWriteDeadline(start.Add(2 * time.Second))
		n, err := a.Write(make([]byte, memBuffer+1))
		isTimeout("write", err, 2*time.Second)
		if n != memBuffer {
			t.Errorf("wrote %d before the deadline", n)
		}

		a.SetDeadline(time.Time{})
		go func() {
			time.Sleep(time.Second)
			a.SetDeadline(time.Unix(1, 0))
		}()
		_, err = a.Read(make([]byte, 1))
		isTimeout("a deadline set while reading", err, 3*time.Second)
		_, err = a.Write(nil)
		isTimeout("write with nothing", err, 3*time.Second)
	})
}

func TestMemCloseUnblocks(t *testing.T) {
	for name, close := range map[string]func(a, b *MemConn){
		"own":    func(a, b *MemConn) { a.Close() },
		"peer's": func(a, b *MemConn) { b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := MemPair()
				var group sync.WaitGroup
				group.Go(func() {
					if _, err := a.Read(make([]byte, 1)); err == nil {
						t.Error("Read returned without an error")
					}
				})
				for range 2 {
					group.Go(func() {
						if _, err := a.Write(make([]byte, 2*memBuffer)); err == nil {
							t.Error("Write returned without an error")
						}
					})
				}
				synctest.Wait()
				close(a, b)
				group.Wait()
			})
		})
	}
}

func TestMemAfterClose(t *testing.T) {
	a, b := MemPair()
	a.Write([]byte("last words"))
	a.Close()
	if got, err := io.ReadAll(b); string(got) != "last words" || err != nil {
		t.Errorf("the peer reads %q, %v", got, err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the peer's Write: %v", err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func TestMemWritesAreWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := MemPair()
		const size = memBuffer + 123
		for i := range 4 {
			go a.Write(bytes.Repeat([]byte{byte(i)}, size))
		}
		got := make([]byte, 4*size)
		if _, err := io.ReadFull(b, got); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			one := got[i*size : (i+1)*size]
			if !bytes.Equal(one, bytes.Repeat(one[:1], size)) {
				t.Fatal("two writes are mixed")
			}
		}
	})
}

func TestMemListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewMemListener()
		go func() {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			c.Write([]byte("hello"))
			c.Close()
		}()
		c, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Dial(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial that nobody accepts: %v", err)
		}
		go func() {
			time.Sleep(time.Second)
			l.Close()
			l.Close()
		}()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v", err)
		}
		if _, err := l.Dial(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Dial: %v", err)
		}
	})
}

package fuzz_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"time"
)

// A recorder is a connection to nobody that keeps what is written.
type recorder struct{ to *bytes.Buffer }

func (r recorder) dial(context.Context) (net.Conn, error) { return r, nil }

func (r recorder) Write(b []byte) (int, error)    { return r.to.Write(b) }
func (recorder) Read([]byte) (int, error)         { return 0, io.EOF }
func (recorder) Close() error                     { return nil }
func (recorder) LocalAddr() net.Addr              { return nil }
func (recorder) RemoteAddr() net.Addr             { return nil }
func (recorder) SetDeadline(time.Time) error      { return nil }
func (recorder) SetReadDeadline(time.Time) error  { return nil }
func (recorder) SetWriteDeadline(time.Time) error { return nil }

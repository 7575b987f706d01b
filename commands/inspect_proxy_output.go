package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/capture"
	"mqtk/mqttwire/conformance"
	"mqtk/mqttwire/proxy"
)

// A proxyOutput is all that inspect proxy tells: what it prints, and what it
// writes into files. Its methods are called by the watcher alone.
type proxyOutput struct {
	p       *program
	options *proxyOptions
	end     context.CancelCauseFunc
	out     *bufio.Writer
	ink     ink
	failed  error // of the output
	server  atomic.Pointer[net.TCPAddr]

	record  *conformance.Recorder // nil: none
	pcapng  *capture.Writer       // nil: none
	tracks  map[int]*capture.Track
	files   []*proxyFile
	over    int // connections
	opened  int
	packets int
	broken  int // statements
	unseen  int // bytes
}

// A proxyFile is a file that is being written.
type proxyFile struct {
	flag string
	*bufio.Writer
	file *os.File
	err  error
}

func (o *proxyOptions) output(p *program, t *target, end context.CancelCauseFunc) (*proxyOutput, error) {
	out := &proxyOutput{p: p, options: o, end: end, out: bufio.NewWriterSize(p.Out, 64<<10), ink: p.inkFor(p.Out), tracks: make(map[int]*capture.Track)}
	if o.Record != "" {
		w, err := out.create("--record", o.Record)
		if err != nil {
			return nil, err
		}
		out.record = conformance.NewRecorder(w, time.Now())
	}
	if o.Pcapng != "" {
		w, err := out.create("--pcapng", o.Pcapng)
		if err != nil {
			return nil, errors.Join(err, out.close())
		}
		out.pcapng = capture.NewWriter(w)
	}
	return out, nil
}

// createPrivate makes a file that nobody else may read, or takes it away from
// them if it was there.
func createPrivate(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		err = file.Chmod(0o600)
	}
	if err != nil && runtime.GOOS != "windows" {
		file.Close()
		return nil, err
	}
	return file, nil
}

// create makes a file for its owner alone: what passes holds secrets.
func (out *proxyOutput) create(flag, name string) (io.Writer, error) {
	file, err := createPrivate(name)
	if err != nil {
		return nil, usageIn(out.p.path, "%s %w", flag, err)
	}
	if info, err := file.Stat(); err == nil {
		for _, f := range out.files {
			if other, err := f.file.Stat(); err == nil && info.Mode().IsRegular() && os.SameFile(info, other) {
				return nil, errors.Join(usageIn(out.p.path, "%s %s: %s is the same file", flag, name, f.flag), file.Close())
			}
		}
	}
	f := &proxyFile{flag: flag + " " + name, Writer: bufio.NewWriterSize(file, 64<<10), file: file}
	out.files = append(out.files, f)
	return f, nil
}

// dialer opens connections to the broker.
func (out *proxyOutput) dialer(t *target) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		nc, err := t.dial(ctx)
		if err == nil {
			if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
				out.server.Store(a)
			}
		}
		return nc, err
	}
}

// see takes what the watcher tells.
func (out *proxyOutput) see(e *proxy.Event) {
	out.count(e)
	out.keep(e)
	if e.Kind == proxy.Data || !e.AsSent() && len(e.Findings) == 0 && (e.Packet == nil || len(e.Packet.Findings) == 0) || out.failed != nil {
		return
	}
	if out.p.json {
		out.printJSON(e)
	} else {
		out.print(e)
	}
}

func (out *proxyOutput) count(e *proxy.Event) {
	switch {
	case e.Kind == proxy.Opened:
		out.opened++
	case e.Kind == proxy.Gone, e.Kind == proxy.Refused:
		if out.over++; out.over == out.options.Connections {
			out.end(nil)
		}
	case e.Kind == proxy.Packet && e.AsSent():
		out.packets++
	case e.Kind == proxy.Missed && e.AsSent():
		out.unseen += e.Missed
	}
	for _, f := range findingsOf(e) {
		if f.Kind == violation {
			out.broken++
		}
	}
}

// keep writes the files: what was said where the broker is.
func (out *proxyOutput) keep(e *proxy.Event) {
	if !e.AtBroker() {
		return
	}
	if out.record != nil {
		out.keepRecord(e)
	}
	if out.pcapng != nil {
		out.keepCapture(e)
	}
}

func (out *proxyOutput) keepRecord(e *proxy.Event) {
	switch e.Kind {
	case proxy.Packet:
		if n := e.Packet.Missing + e.Packet.Cut; n > 0 {
			out.record.Missing(e.Connection, e.From, n+len(e.Packet.Raw)-e.Packet.Missing)
			return
		}
		out.record.Packet(e.Connection, e.From, e.At, e.Packet.Raw, e.Packet.Line, e.Version)
	case proxy.Bytes:
		out.record.Packet(e.Connection, e.From, e.At, e.Raw, mqttwire.Line{}, e.Version)
	case proxy.Missed:
		out.record.Missing(e.Connection, e.From, e.Missed)
	case proxy.Closed:
		out.record.Closed(e.Connection, e.From, e.At)
	case proxy.Gone:
		out.record.Gone(e.Connection)
	}
}

func (out *proxyOutput) keepCapture(e *proxy.Event) {
	track := out.tracks[e.Connection]
	switch {
	case e.Kind == proxy.Opened:
		out.tracks[e.Connection] = out.pcapng.Open(addrPort(e.Client), out.serverAddress(), e.At)
	case track == nil:
	case e.Kind == proxy.Data:
		track.Data(e.From == mqttwire.Server, e.At, e.Raw)
	case e.Kind == proxy.Closed:
		track.Close(e.From == mqttwire.Server, e.At, e.Err != nil)
	case e.Kind == proxy.Gone:
		delete(out.tracks, e.Connection)
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}

// serverAddress is the broker's, at the port of plain MQTT where it speaks TLS
// or WebSocket, none of which is in the capture.
func (out *proxyOutput) serverAddress() netip.AddrPort {
	a := out.server.Load()
	if a == nil {
		return netip.AddrPort{}
	}
	at := a.AddrPort()
	switch at.Port() {
	case 8883, 443, 80:
		return netip.AddrPortFrom(at.Addr(), 1883)
	}
	return at
}

// flush sends on its way what was told so far.
func (out *proxyOutput) flush() {
	if err := out.out.Flush(); err != nil && out.failed == nil {
		out.failed = err
		out.end(errReaderGone)
	}
	for _, f := range out.files {
		if f.err == nil {
			if f.err = f.Flush(); f.err != nil {
				out.p.warn("%s: %v; what follows is not in it", f.flag, f.err)
			}
		}
	}
}

// close ends the files.
func (out *proxyOutput) close() (err error) {
	if out.record != nil {
		_ = out.record.Flush() // its file knows what fails
	}
	out.flush()
	for _, f := range out.files {
		if closed := f.file.Close(); f.err == nil {
			f.err = closed
		}
		if f.err != nil {
			err = fail(exitFailed, fmt.Errorf("%s is not whole: %w", f.flag, f.err))
		}
	}
	return err
}

// verdict is what inspect proxy ends with.
func (out *proxyOutput) verdict(err error) error {
	closed := out.close()
	if out.opened > 0 && err == nil {
		out.p.warn("%s, %s, %s", plural(out.opened, "connection", "connections"), plural(out.packets, "packet", "packets"),
			plural(out.broken, "violation of the standard", "violations of the standard"))
	}
	switch {
	case err != nil:
		return fail(exitFailed, err)
	case closed != nil:
		return closed
	case out.failed != nil && !isReaderGone(out.failed):
		return fail(exitFailed, fmt.Errorf("write the output: %w", out.failed))
	case out.broken > 0:
		return fail(exitUnexpected, fmt.Errorf("the standard was broken: %s", plural(out.broken, "finding", "findings")))
	}
	return nil
}

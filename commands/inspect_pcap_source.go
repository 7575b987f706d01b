package commands

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"mqtk/mqttwire/capture"
	"mqtk/mqttwire/conformance"
)

// A pcapSource is where events come from: a capture, an interface, or a record.
type pcapSource struct {
	name     string
	ctx      context.Context
	frames   interface{ Next() (capture.Frame, error) }
	file     *capture.Reader // frames, if they are in a file
	live     *capture.Live   // frames, if they come from an interface
	isRecord bool
	recorded []conformance.Recorded
	keys     *capture.KeyLog
	taken    int // bytes of the keys in the file
	ports    []uint16
	lost     int                      // packets that a live capture had no room for
	strange  map[capture.LinkType]int // frames that are not read
	shortest int                      // to how many bytes frames were cut, 0: none
	closers  []io.Closer
}

func (o *pcapOptions) open(ctx context.Context, p *program) (s *pcapSource, err error) {
	s = &pcapSource{ctx: ctx, ports: o.Ports, keys: &capture.KeyLog{}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := o.openKeys(p, s); err != nil {
		return s, err
	}
	if o.Interface != "" {
		s.name = o.Interface
		if s.live, err = capture.OpenLive(o.Interface); err != nil {
			return s, err
		}
		s.frames = s.live
		s.closers = append(s.closers, s.live)
		return s, nil
	}
	return s, s.openFile(p)
}

// openKeys reads the key log, and goes on reading it in a live capture.
func (o *pcapOptions) openKeys(p *program, s *pcapSource) error {
	path, asked := o.KeyLog, o.KeyLog != ""
	if !asked {
		path = p.getenv("SSLKEYLOGFILE")
	}
	if path == "" {
		return nil
	}
	file, err := os.Open(path)
	if o.Interface != "" && errors.Is(err, fs.ErrNotExist) {
		coming := &comingFile{path: path}
		s.closers = append(s.closers, coming)
		s.keys.Follow(coming)
		return nil
	}
	if err != nil && !asked {
		return nil // that of programs to come
	}
	if err != nil {
		return fmt.Errorf("--tls-keylog: %w", err)
	}
	s.closers = append(s.closers, file)
	keys, err := capture.ParseKeyLog(file)
	if err != nil {
		return usageIn(p.path, "--tls-keylog %s: %w", path, err)
	}
	if s.keys = keys; o.Interface != "" {
		keys.Follow(file)
	}
	return nil
}

// A comingFile is empty until it is there.
type comingFile struct {
	path string
	file *os.File
}

func (f *comingFile) Read(b []byte) (int, error) {
	if f.file == nil {
		file, err := os.Open(f.path)
		if err != nil {
			return 0, io.EOF
		}
		f.file = file
	}
	return f.file.Read(b)
}

func (f *comingFile) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// openFile opens the operand, whatever kind of file it is.
func (s *pcapSource) openFile(p *program) error {
	var in io.Reader
	if s.name = p.line.words()[0]; s.name == "-" {
		s.name, in = "stdin", until(s.ctx, p.In)
	} else {
		file, err := os.Open(s.name)
		if err != nil {
			return err
		}
		s.closers = append(s.closers, file)
		in = file
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	head, _ := buffered.Peek(64)
	var err error
	if conformance.IsRecord(head) {
		s.isRecord = true
		s.recorded, err = conformance.ReadRecord(buffered)
	} else if s.file, err = capture.Open(buffered); err == nil {
		s.frames = s.file
	}
	if err != nil {
		f := fail(exitFailed, fmt.Errorf("%s: %w", s.name, withoutPath(err)))
		if !s.isRecord && !bytes.ContainsRune(head, 0) {
			f.Hints = []string{"a capture is what `tcpdump -w FILE` or Wireshark writes; for packets in hexadecimal digits there is mqtk inspect decode"}
		} else if !s.isRecord {
			f.Hints = []string{"Wireshark's editcap makes a pcapng file of most kinds: editcap -F pcapng FILE NEW"}
		}
		return f
	}
	return nil
}

// reads tells whether a file is one of those that are read.
func (s *pcapSource) reads(name string) bool {
	there, err := os.Stat(name)
	return err == nil && slices.ContainsFunc(s.closers, func(c io.Closer) bool {
		file, ok := c.(*os.File)
		if !ok {
			return false
		}
		info, err := file.Stat()
		return err == nil && info.Mode().IsRegular() && os.SameFile(there, info)
	})
}

// until reads until ctx ends, even while the other side is silent.
func until(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { in.Close() })
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
	}()
	return out
}

func (s *pcapSource) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i].Close()
	}
}

// each hands out all events until one is refused. What it returns is damage to
// the file.
func (s *pcapSource) each(take func(capture.Event) bool) error {
	if s.isRecord {
		s.eachRecorded(take)
		return nil
	}
	assembler := capture.NewAssembler(capture.AssemblerOptions{Keys: s.keys, Ports: s.ports})
	wanted := true
	pass := func(events []capture.Event) {
		for _, e := range events {
			wanted = wanted && take(e)
		}
	}
	defer func() { pass(assembler.Flush()) }()
	for wanted && s.ctx.Err() == nil {
		f, err := s.frames.Next()
		s.takeKeys()
		switch {
		case err == nil:
			s.count(f)
			pass(assembler.Add(f))
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.lost += s.live.Dropped()
			pass(assembler.Now(time.Now()))
		case err == io.EOF || s.ctx.Err() != nil:
			return nil
		default:
			return err
		}
	}
	return nil
}

// count notes what of a frame cannot be read.
func (s *pcapSource) count(f capture.Frame) {
	switch {
	case !f.Link.Known():
		if s.strange == nil {
			s.strange = make(map[capture.LinkType]int)
		}
		s.strange[f.Link]++
	case len(f.Data) < f.Length && (s.shortest == 0 || len(f.Data) < s.shortest):
		s.shortest = len(f.Data)
	}
}

// warnOfStrange tells of frames that were not looked at.
func (s *pcapSource) warnOfStrange(p *program) {
	for _, l := range slices.Sorted(maps.Keys(s.strange)) {
		p.warn("%s: %s of %v not looked at: Ethernet, Linux cooked, raw IP, PPP and loopback are read", s.name, plural(s.strange[l], "frame", "frames"), l)
	}
}

// takeKeys adds the keys that the file has carried so far.
func (s *pcapSource) takeKeys() {
	if s.file == nil {
		return
	}
	if keys := s.file.Keys(); len(keys) > s.taken {
		s.keys.Add(keys[s.taken:])
		s.taken = len(keys)
	}
}

// eachRecorded makes events of what inspect proxy has seen.
func (s *pcapSource) eachRecorded(take func(capture.Event) bool) {
	open := make(map[int]*capture.Connection)
	for _, r := range s.recorded {
		c := open[r.Connection]
		e := capture.Event{Connection: c, FromServer: r.FromServer, At: r.Time, Kind: capture.Data, Data: r.Raw}
		if c == nil {
			c = &capture.Connection{Number: r.Connection}
			open[r.Connection], e.Connection = c, c
			opened := e
			opened.Kind, opened.Data = capture.Opened, nil
			if !take(opened) {
				return
			}
		}
		if r.Closed {
			e.Kind = capture.Closed
		}
		if !take(e) {
			return
		}
	}
}

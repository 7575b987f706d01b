package commands

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mqtk/mqttwire"
)

// openOut makes the taker of --out: a folder that mirrors the topics, a file
// whose name each message chooses, or a file. What prints goes to takers.
func (s *subscriber) openOut(to *[]taker) (err error) {
	name := s.o.Out
	info, absent := os.Stat(name)
	folder, rest := thereAlready(name)
	plain, isPlain := plainName(rest)
	switch {
	case absent == nil && info.IsDir() || os.IsPathSeparator(name[len(name)-1]):
		var d *mirror
		if d, err = newMirror(name, s.say); err == nil {
			s.o.outIsFolder = true
			s.addGoal(d)
		}
	case absent != nil && !isPlain:
		var f *namedFiles
		if f, err = s.newNamedFiles(folder, rest); err == nil {
			*to, s.goals = append(*to, f), append(s.goals, f)
		}
	default:
		if absent != nil {
			name = folder + plain
		}
		var f outFile
		if f, err = s.newOutFile(name); err == nil {
			*to = append(*to, f)
		}
	}
	if err != nil {
		return notOpened("--out", name, err)
	}
	return nil
}

// outFile is a printer whose lines are appended to a file.
type outFile struct {
	*printer
	file *outputFile
}

func (s *subscriber) newOutFile(name string) (outFile, error) {
	file, err := s.openOutput(name, os.O_WRONLY)
	if err != nil {
		return outFile{}, err
	}
	return outFile{s.o.printerTo(s.p, file.File), file}, nil
}

func (f outFile) close() error { return f.file.Close() }

// A skipper counts messages that no file can be made for: their topics are
// longer than names can be, or one stands in the way of another.
type skipper struct {
	say     func(format string, a ...any)
	skipped int
}

// judge is the error that ends the run, if err is no matter of the one message.
func (k *skipper) judge(topic string, err error) error {
	if err == nil {
		return nil
	}
	for _, one := range []error{syscall.ENAMETOOLONG, syscall.ENOTDIR, syscall.EISDIR} {
		if errors.Is(err, one) {
			k.skipped++
			k.say("--out: message on %s: %v", short(topic), withoutPath(err))
			return nil
		}
	}
	return err
}

// short is the beginning of a topic.
func short(topic string) string {
	if cut := clipped(topic, 100); cut != topic {
		return cut + "…"
	}
	return topic
}

func (k *skipper) open() bool { return false }

func (k *skipper) verdict() error {
	if k.skipped == 0 {
		return nil
	}
	return fail(exitPartly, fmt.Errorf("--out: %s not written", plural(k.skipped, "message was", "messages were")))
}

// A mirror is a folder in which each topic is a file that holds its last
// payload. A file is replaced in one step, so that who reads it finds a whole
// payload.
//
// Where topic a is there and a/b comes, a is a folder; the payload of a is then
// the file a/%payload, which is no topic's name: % is always escaped.
type mirror struct {
	skipper
	root *os.Root
}

const (
	mirrorNew     = "%new"     // is being written
	mirrorPayload = "%payload" // of the topic whose name the folder has
)

func newMirror(name string, say func(string, ...any)) (*mirror, error) {
	if err := os.MkdirAll(name, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	d := &mirror{skipper{say: say}, root}
	d.clean()
	return d, nil
}

// clean takes away what processes that were killed have left half written.
func (d *mirror) clean() {
	folder, err := d.root.Open(".")
	if err != nil {
		return
	}
	defer folder.Close()
	for {
		names, _ := folder.Readdirnames(1000)
		if len(names) == 0 {
			return
		}
		for _, name := range names {
			number, ours := strings.CutPrefix(name, mirrorNew+".")
			if pid, err := strconv.Atoi(number); ours && err == nil && isGone(pid) {
				_ = d.root.Remove(name)
			}
		}
	}
}

// isGone tells that no other process has this number.
func isGone(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil || pid == os.Getpid() {
		return !errors.Is(err, os.ErrPermission)
	}
	defer func() { _ = p.Release() }()
	return errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

func (d *mirror) take(m *mqttwire.Publish, _ time.Time) error {
	return d.judge(m.Topic, d.put(topicPath(m.Topic), m.Payload))
}

// put writes beside the file and then moves it there.
func (d *mirror) put(name string, payload []byte) error {
	fresh := fmt.Sprintf("%s.%d", mirrorNew, os.Getpid())
	err := d.root.WriteFile(fresh, payload, 0o666)
	if err == nil {
		err = d.move(fresh, name)
	}
	if err != nil {
		_ = d.root.Remove(fresh)
	}
	return err
}

// move gives a file a name, whose folders it makes.
func (d *mirror) move(fresh, name string) error {
	if info, err := d.root.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, mirrorPayload)
	}
	err := d.root.Rename(fresh, name)
	if err == nil || filepath.Dir(name) == "." {
		return err
	}
	if err := d.root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		if !d.giveWay(name) {
			return err
		}
		if err := d.root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
	}
	return d.root.Rename(fresh, name)
}

// giveWay makes a folder of a file that stands where one has to be, and moves
// the file into it.
func (d *mirror) giveWay(name string) bool {
	aside := fmt.Sprintf("%s.%d.aside", mirrorNew, os.Getpid())
	levels := strings.Split(filepath.ToSlash(name), "/")
	for i := 1; i < len(levels); i++ {
		folder := filepath.Join(levels[:i]...)
		if info, err := d.root.Lstat(folder); err != nil || !info.Mode().IsRegular() {
			continue
		}
		return d.root.Rename(folder, aside) == nil && d.root.Mkdir(folder, 0o777) == nil &&
			d.root.Rename(aside, filepath.Join(folder, mirrorPayload)) == nil
	}
	return false
}

func (d *mirror) flush() error { return nil }
func (d *mirror) close() error { return d.root.Close() }

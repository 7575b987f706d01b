package commands

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// list prints messages as they come.
func (o *retainedOptions) list(ctx context.Context, p *program, words []string) error {
	out := bufio.NewWriterSize(p.Out, 64<<10)
	ink, n, bytes := p.inkFor(p.Out), 0, 0
	err := o.read(ctx, p, words, func(m *mqttwire.Publish) error {
		if n++; n == 1 && !o.JSON {
			fmt.Fprintln(out, ink.head("QOS    BYTES  EXPIRES  TOPIC"))
		}
		bytes += len(m.Payload)
		return o.listed(out, ink, m)
	})
	if err == nil && !o.JSON {
		p.warn("%s, %d bytes", plural(n, "retained message", "retained messages"), bytes)
	}
	return finishOutput(out, err)
}

func (o *retainedOptions) listed(out *bufio.Writer, ink ink, m *mqttwire.Publish) error {
	if o.JSON {
		line, _ := appendMessageJSON(nil, m, time.Now(), false)
		_, err := out.Write(append(line, '\n'))
		return err
	}
	expires := "never"
	if n, ok := m.Properties.Number(mqttwire.MessageExpiryInterval); ok {
		expires = fmt.Sprint(n)
	}
	payload := ""
	if o.Verbose {
		payload = " " + shownPayload(m.Payload)
	}
	_, err := fmt.Fprintf(out, "%3d %8d %8s  %s%s\n", m.QoS, len(m.Payload), expires, ink.topic(visible(m.Topic)), payload)
	return err
}

// shownPayload is the beginning of a payload, on one line.
func shownPayload(payload []byte) string {
	cut, comment := cutPayload(payload)
	if !isText(cut) {
		return fmt.Sprintf("hex=%x%s", cut, comment)
	}
	return visible(string(cut)) + comment
}

// treeDepth is how many levels are shown, unless told otherwise: a topic can
// have 65,536 of them.
const treeDepth = 100

// A retainedLevel is a level of the topics of retained messages.
type retainedLevel struct {
	message *mqttwire.Publish // of this very topic; nil: none
	below   map[string]*retainedLevel
	count   int // messages, its own among them
	bytes   int
}

// add puts a message below the levels that are left of its topic; one that is
// cut is counted where the levels end.
func (l *retainedLevel) add(levels []string, cut bool, m *mqttwire.Publish) {
	l.count++
	l.bytes += len(m.Payload)
	if len(levels) == 0 && cut {
		return
	}
	if len(levels) == 0 {
		short := *m
		short.Payload = m.Payload[:min(len(m.Payload), tracedBytes+1)]
		l.message = keptMessage(&short)
		return
	}
	if l.below == nil {
		l.below = make(map[string]*retainedLevel)
	}
	next := l.below[levels[0]]
	if next == nil {
		next = &retainedLevel{}
		l.below[strings.Clone(levels[0])] = next
	}
	next.add(levels[1:], cut, m)
}

// tree prints the levels of the topics.
func (o *retainedOptions) tree(ctx context.Context, p *program, words []string) error {
	root, depth := &retainedLevel{}, cmp.Or(o.Depth, treeDepth)
	err := o.read(ctx, p, words, func(m *mqttwire.Publish) error {
		levels := strings.Split(m.Topic, "/")
		root.add(levels[:min(len(levels), depth)], len(levels) > depth, m)
		return nil
	})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(p.Out, 64<<10)
	if o.JSON {
		err = writeJSON(out, root.object(""))
	} else {
		root.print(out, p.inkFor(p.Out), "")
		fmt.Fprintf(out, "%s, %d bytes\n", plural(root.count, "retained message", "retained messages"), root.bytes)
	}
	return finishOutput(out, err)
}

func (l *retainedLevel) print(w io.Writer, ink ink, indent string) {
	names := slices.Sorted(maps.Keys(l.below))
	for i, name := range names {
		next, branch, stem := l.below[name], "├─ ", "│  "
		if i == len(names)-1 {
			branch, stem = "└─ ", "   "
		}
		shown := ink.topic(visible(name))
		if name == "" {
			shown = ink.faint("(empty)")
		}
		if next.message != nil {
			shown += " = " + shownPayload(next.message.Payload)
		}
		if below := next.count; next.message == nil || below > 1 {
			shown += ink.faint(fmt.Sprintf("  (%s, %d bytes)", plural(below, "message", "messages"), next.bytes))
		}
		fmt.Fprintf(w, "%s%s%s\n", indent, branch, shown)
		next.print(w, ink, indent+stem)
	}
}

// A retainedObject is a level as JSON.
type retainedObject struct {
	Name     string           `json:"level"`
	Messages int              `json:"messages"`
	Bytes    int              `json:"bytes"`
	Retained bool             `json:"retained"` // a message of this very topic
	Below    []retainedObject `json:"below,omitempty"`
}

func (l *retainedLevel) object(name string) retainedObject {
	o := retainedObject{Name: name, Messages: l.count, Bytes: l.bytes, Retained: l.message != nil}
	for _, next := range slices.Sorted(maps.Keys(l.below)) {
		o.Below = append(o.Below, l.below[next].object(next))
	}
	return o
}

// export writes all of each message.
func (o *retainedOptions) export(ctx context.Context, p *program, words []string) (err error) {
	to := p.Out
	if o.Out != "" {
		file, err := os.CreateTemp(filepath.Dir(o.Out), "."+filepath.Base(o.Out)+".")
		if err != nil {
			return usageIn(p.path, "--out %s: %w", o.Out, withoutPath(err))
		}
		defer os.Remove(file.Name())
		defer file.Close()
		to = file
	}
	out, n := bufio.NewWriterSize(to, 64<<10), 0
	err = o.read(ctx, p, words, func(m *mqttwire.Publish) error {
		n++
		line, _ := appendMessageJSON(nil, m, time.Now(), false)
		_, err := out.Write(append(line, '\n'))
		return err
	})
	if err = finishOutput(out, err); err != nil || o.Out == "" {
		return err
	}
	file := to.(*os.File)
	if err := errors.Join(file.Chmod(0o644), file.Sync(), file.Close(), os.Rename(file.Name(), o.Out)); err != nil {
		return fmt.Errorf("--out %s: %w", o.Out, err)
	}
	p.warn("%s: %s", o.Out, plural(n, "retained message", "retained messages"))
	return nil
}

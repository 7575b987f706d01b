package commands

import (
	"bufio"
	"fmt"
	"strings"

	"mqtk/broker"
	"mqtk/broker/journal"
)

// A journalPrinter writes what inspect journal found, for people or as JSON.
type journalPrinter struct {
	*bufio.Writer
	json bool
	ink  ink
	line []byte // reused
}

// finish sends the rest on its way. That nobody reads it any more is no error,
// but what was found before stays one.
func (p *journalPrinter) finish(err error) error {
	return finishOutput(p.Writer, err)
}

// finishOutput flushes w, behind what ended with err.
func finishOutput(w *bufio.Writer, err error) error {
	flushed := w.Flush()
	switch {
	case flushed == nil:
		return err
	case !isReaderGone(flushed):
		return fmt.Errorf("write the output: %w", flushed)
	case isReaderGone(err):
		return nil
	}
	return err
}

func (p *journalPrinter) object(v any) error { return writeJSON(p, v) }

// record prints one record: where it stands, what it is, what it says.
func (p *journalPrinter) record(r *journal.Record) error {
	if p.json {
		return p.object(struct {
			File   string `json:"file"`
			Offset int64  `json:"offset"`
			Frame  uint64 `json:"frame"`
			Kind   string `json:"kind"`
			Live   bool   `json:"live"`
			Bytes  int    `json:"bytes"`
			eventObject
		}{r.File, r.Offset, r.Frame, eventName(r.Event.Kind), r.Live, r.Bytes, newEventObject(r.Event)})
	}
	kind := eventName(r.Event.Kind)
	if !r.Live {
		kind = "-" + kind
	}
	line := fmt.Appendf(p.line[:0], "%s %d %s", p.ink.faint(fmt.Sprintf("%s:%d", r.File, r.Offset)), r.Frame, kind)
	p.line = append(appendEvent(line, r.Event), '\n')
	_, err := p.Write(p.line)
	return err
}

func (p *journalPrinter) segments(all []journal.SegmentView) {
	if !p.json {
		fmt.Fprintln(p, p.ink.head(fmt.Sprintf("%-18s %12s %12s %10s %10s %10s  %s", "FILE", "BYTES", "NEEDED", "FRAMES", "RECORDS", "LIVE", "FRAME NUMBERS")))
	}
	for _, s := range all {
		if p.json {
			p.object(struct {
				File       string `json:"file"`
				Generation string `json:"generation"`
				Bytes      int64  `json:"bytes"`
				LiveBytes  int64  `json:"live_bytes"`
				Frames     int    `json:"frames"`
				Records    int    `json:"records"`
				Live       int    `json:"live"`
				First      uint64 `json:"first_frame"`
				Last       uint64 `json:"last_frame"`
			}{s.File, generationName(s.Old), s.Bytes, s.LiveBytes, s.Frames, s.Records, s.Live, s.FirstFrame, s.LastFrame})
			continue
		}
		numbers := "none"
		if s.Frames > 0 {
			numbers = fmt.Sprintf("%d to %d", s.FirstFrame, s.LastFrame)
		}
		fmt.Fprintf(p, "%-18s %12d %12d %10d %10d %10d  %s\n", s.File, s.Bytes, s.LiveBytes, s.Frames, s.Records, s.Live, numbers)
	}
}

func generationName(old bool) string {
	if old {
		return "old"
	}
	return "young"
}

func (p *journalPrinter) statistics(s journal.Statistics) {
	kinds := map[string]int{}
	for kind, n := range s.ByKind {
		kinds[eventName(kind)] = n
	}
	if p.json {
		p.object(struct {
			Segments      int            `json:"segments"`
			Frames        int            `json:"frames"`
			Records       int            `json:"records"`
			Live          int            `json:"live"`
			Bytes         int64          `json:"bytes"`
			LiveBytes     int64          `json:"live_bytes"`
			TornBytes     int64          `json:"torn_bytes"`
			Sessions      int            `json:"sessions"`
			Subscriptions int            `json:"subscriptions"`
			Queued        int            `json:"queued"`
			Inflight      int            `json:"inflight"`
			Held          int            `json:"held"`
			Wills         int            `json:"wills"`
			Retained      int            `json:"retained"`
			Kinds         map[string]int `json:"kinds"`
		}{s.Segments, s.Frames, s.Records, s.Live, s.DiskBytes, s.LiveBytes, s.TornBytes, s.Sessions, s.Subscriptions, s.Queued,
			s.Inflight, s.Held, s.Wills, s.Retained, kinds})
		return
	}
	row := func(name, format string, a ...any) {
		fmt.Fprintf(p, "%-14s "+format+"\n", append([]any{name}, a...)...)
	}
	row("segments", "%d, %d bytes, of them about %d needed", s.Segments, s.DiskBytes, s.LiveBytes)
	row("frames", "%d", s.Frames)
	row("records", "%d, of them %d live", s.Records, s.Live)
	row("by kind", "%s", kindCounts(s.ByKind))
	if s.TornBytes > 0 {
		row("torn end", "%d bytes, never synced", s.TornBytes)
	}
	row("sessions", "%d", s.Sessions)
	row("subscriptions", "%d", s.Subscriptions)
	row("queued", "%d messages wait, %d are in flight", s.Queued, s.Inflight)
	row("QoS 2 held", "%d packet identifiers", s.Held)
	row("wills", "%d", s.Wills)
	row("retained", "%d", s.Retained)
}

// kindCounts lists the kinds in the order of their numbers.
func kindCounts(counts map[broker.EventKind]int) string {
	var parts []string
	for i, name := range eventNames() {
		if n := counts[broker.EventKind(i+1)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, name))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// A damageObject is a damage as --json prints it.
type damageObject struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Detail string `json:"detail"`
	Torn   bool   `json:"torn,omitempty"`
}

func damageObjects(dir string, damages []journal.Damage) []damageObject {
	objects := make([]damageObject, 0, len(damages))
	for _, d := range damages {
		objects = append(objects, damageObject{damagedFile(dir, d), d.Offset, d.Detail, d.Torn})
	}
	return objects
}

func (p *journalPrinter) damages(dir string, damages []journal.Damage) {
	for _, d := range damages {
		what := p.ink.bad("damage")
		if d.Torn {
			what = "torn end"
		}
		fmt.Fprintf(p, "%s: %s: %s\n", damagedPlace(dir, d), what, d.Detail)
	}
}

// verdict prints what Verify found, and is an error where that is damage.
func (p *journalPrinter) verdict(dir string, v *journal.Viewer) error {
	all, s := v.Verify(), v.Statistics()
	bad := hurts(all)
	if p.json {
		p.object(struct {
			Sound    bool           `json:"sound"`
			Segments int            `json:"segments"`
			Frames   int            `json:"frames"`
			Records  int            `json:"records"`
			Damages  []damageObject `json:"damages"`
		}{len(bad) == 0, s.Segments, s.Frames, s.Records, damageObjects(dir, all)})
	} else {
		p.damages(dir, all)
		if len(bad) == 0 {
			fmt.Fprintf(p, "sound: %s, %s, %s\n", plural(s.Segments, "segment", "segments"), plural(s.Frames, "frame", "frames"), plural(s.Records, "record", "records"))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	o := journalOptions{Dir: dir}
	return fail(exitUnexpected, fmt.Errorf("%s: %s", dir, plural(len(bad), "place is damaged", "places are damaged")), o.repair())
}

// salvaged says what a copy holds, and what it does not.
func (p *journalPrinter) salvaged(dir string, r journal.SalvageReport) {
	if p.json {
		lost := r.Lost
		if lost == nil {
			lost = []string{}
		}
		p.object(struct {
			Frames    int            `json:"frames"`
			Records   int            `json:"records"`
			LostBytes int64          `json:"lost_bytes"`
			Lost      []string       `json:"lost"`
			Damages   []damageObject `json:"damages"`
		}{r.Frames, r.Records, r.LostBytes, lost, damageObjects(dir, r.Damages)})
		return
	}
	p.damages(dir, r.Damages)
	for _, lost := range r.Lost {
		fmt.Fprintf(p, "lost: %s\n", visible(lost))
	}
	fmt.Fprintf(p, "copied: %s, %s\n", plural(r.Frames, "frame", "frames"), plural(r.Records, "record", "records"))
}

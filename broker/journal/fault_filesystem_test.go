package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A faultyDisk is a filesystem in memory that keeps what was not synced apart.
// A crash makes of it what a power loss may leave, by its seed: each file with
// all that was synced and any part of the rest, under any names that the
// unsynced creates, renames and removes allow.
type faultyDisk struct {
	mu       sync.Mutex
	random   *rand.Rand
	names    map[string]*inode // as programs see it
	durable  map[string]*inode // as it was at the last syncDirectory
	changes  []change          // since then
	capacity int64
	locked   bool

	calls   int                            // of every method
	crashAt int                            // the call in which the power goes, 0: never
	image   *faultyDisk                    // what is left then
	killed  bool                           // the one before lost its process and not its power
	windows bool                           // a file that is open keeps its name
	fault   func(n int, what call) error   // an error for the n-th call, nil: none
	slow    func(*rand.Rand) time.Duration // how long a call takes, by a bubble's clock; nil: no time
	counts  map[string]int                 // calls by method
	written int64                          // bytes that writeAt took
}

// A call is what the journal asks for.
type call struct {
	method, name string
	bytes        int
}

// An inode is a file whatever its name.
type inode struct {
	data   []byte // as programs see it
	base   []byte // what is sure
	steps  []step // what happened since
	opened int
}

// A step is a write, or a change of size when data is nil.
type step struct {
	offset int64
	data   []byte
	sure   bool // a sync came after it
	doomed bool // the first sync after it failed, and no other will look at it
}

// A change is one to the directory: a file has the name to, and from no more; "" for neither.
type change struct {
	from, to string
	file     *inode
}

var (
	errPower = errors.New("the power is gone")
	errMedia = &fs.PathError{Op: "test", Path: "disk", Err: syscall.EIO}
	errSpace = &fs.PathError{Op: "test", Path: "disk", Err: syscall.ENOSPC}
)

func newFaultyDisk(seed uint64) *faultyDisk {
	return &faultyDisk{random: rand.New(rand.NewPCG(seed, 2)), names: map[string]*inode{}, durable: map[string]*inode{},
		capacity: 1 << 40, counts: map[string]int{}}
}

// enter lets a call's time pass, counts it and says whether it fails. In any case
// mu is locked when it returns.
func (d *faultyDisk) enter(what call) error {
	d.mu.Lock()
	if d.slow != nil {
		over := time.After(d.slow(d.random))
		d.mu.Unlock()
		<-over
		d.mu.Lock()
	}
	if d.image != nil {
		return errPower
	}
	d.calls++
	d.counts[what.method]++
	if d.fault != nil {
		return d.fault(d.calls, what)
	}
	return nil
}

// leave ends a call: power or process may go with what it did just done.
func (d *faultyDisk) leave() error {
	if d.crashAt == 0 || d.calls < d.crashAt || d.image != nil {
		return nil
	}
	d.image = d.end()
	return errPower
}

// end makes of the disk what a power loss leaves, or now and then what kill -9
// leaves: all that was written, though it is as unsure as it was.
func (d *faultyDisk) end() *faultyDisk {
	if d.random.IntN(4) == 0 {
		return d.orphan()
	}
	return d.wreck()
}

// crash ends all now, if it has not ended, and returns what is left.
func (d *faultyDisk) crash() *faultyDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.image == nil {
		d.image = d.end()
	}
	return d.image
}

// dead says whether it has ended.
func (d *faultyDisk) dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.image != nil
}

func (d *faultyDisk) heir() *faultyDisk {
	left := newFaultyDisk(d.random.Uint64())
	left.capacity, left.windows = d.capacity, d.windows
	return left
}

func (d *faultyDisk) orphan() *faultyDisk {
	left, files := d.heir(), map[*inode]*inode{}
	left.killed = true
	same := func(n *inode) *inode {
		if files[n] == nil {
			files[n] = &inode{data: slices.Clone(n.data), base: n.base, steps: slices.Clone(n.steps)}
		}
		return files[n]
	}
	for name, n := range d.names {
		left.names[name] = same(n)
	}
	for name, n := range d.durable {
		left.durable[name] = same(n)
	}
	for _, c := range d.changes {
		left.changes = append(left.changes, change{c.from, c.to, same(c.file)})
	}
	return left
}

func (d *faultyDisk) wreck() *faultyDisk {
	left, names := d.heir(), d.wreckNames()
	files := map[*inode]*inode{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old := names[name]
		if files[old] == nil {
			data := old.wreck(d.random)
			files[old] = &inode{data: data, base: slices.Clone(data)}
		}
		left.names[name], left.durable[name] = files[old], files[old]
	}
	return left
}

// wreckNames keeps none, all, the first or any of the changes to the directory.
func (d *faultyDisk) wreckNames() map[string]*inode {
	names, how := maps.Clone(d.durable), d.random.IntN(4)
	first := d.random.IntN(len(d.changes) + 1)
	for i, c := range d.changes {
		if how == 1 || how == 2 && i < first || how == 3 && d.random.IntN(2) == 0 {
			c.apply(names)
		}
	}
	return names
}

// apply makes a change to names in which an earlier one may be missing.
func (c change) apply(names map[string]*inode) {
	if c.from != "" {
		if names[c.from] != c.file {
			return // it never had that name
		}
		delete(names, c.from)
	}
	if c.to != "" {
		names[c.to] = c.file
	}
}

// wreck is what a power loss leaves of a file: of what is not sure nothing, all,
// the first writes with the last of them cut, or any sectors.
func (n *inode) wreck(random *rand.Rand) []byte {
	data, how := slices.Clone(n.base), random.IntN(5)
	first := random.IntN(len(n.steps) + 1)
	for i, s := range n.steps {
		switch {
		case s.sure || how == 1 || how == 2 && i < first:
			data = s.apply(data)
		case how == 2 && i == first:
			data = s.cut(random).apply(data)
		case how >= 3:
			data = s.scatter(random, data, how == 4)
		}
	}
	return data
}

func (s step) apply(data []byte) []byte {
	if s.data == nil {
		return resize(data, s.offset)
	}
	if end := s.offset + int64(len(s.data)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[s.offset:], s.data)
	return data
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		clear(data[size:])
		return data[:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

// sector is the size of what a disk writes at once.
func sector(random *rand.Rand) int64 { return []int64{512, 4096}[random.IntN(2)] }

// cut keeps the first sectors of a write.
func (s step) cut(random *rand.Rand) step {
	if len(s.data) > 0 {
		size := sector(random)
		end := (s.offset + random.Int64N(int64(len(s.data))+size)) / size * size
		s.data = s.data[:min(max(end-s.offset, 0), int64(len(s.data)))]
	}
	return s
}

// scatter keeps any sectors of a write. Those that are missing are as they were,
// zero where the file was shorter, or, on a poor disk, anything there.
func (s step) scatter(random *rand.Rand, data []byte, poor bool) []byte {
	if s.data == nil {
		if random.IntN(2) == 0 {
			return data
		}
		return s.apply(data)
	}
	size, end := sector(random), s.offset+int64(len(s.data))
	for from := s.offset; from < end; {
		to := min((from/size+1)*size, end)
		part := step{offset: from, data: s.data[from-s.offset : to-s.offset]}
		keep := random.IntN(2) == 0
		if !keep && poor && from >= int64(len(data)) && random.IntN(2) == 0 {
			part.data, keep = junk(random, int(to-from)), true
		}
		if keep {
			data = part.apply(data)
		}
		from = to
	}
	return data
}

func junk(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

func (d *faultyDisk) used() int64 {
	var sum int64
	for _, n := range d.names {
		sum += int64(len(n.data))
	}
	return sum
}

func (d *faultyDisk) path(name string) string { return "disk/" + name }

func (d *faultyDisk) create(name string) (file, error) {
	defer d.mu.Unlock()
	if err := d.enter(call{method: "create", name: name}); err != nil {
		return nil, err
	}
	n := d.names[name]
	if n == nil {
		n = &inode{}
		d.names[name] = n
		d.changes = append(d.changes, change{to: name, file: n})
	} else {
		n.record(step{})
	}
	n.opened++
	return &faultyFile{d, n, name, true}, d.leave()
}

func (d *faultyDisk) open(name string) (file, error) { return d.opened("open", name, true) }
func (d *faultyDisk) view(name string) (file, error) { return d.opened("view", name, false) }

func (d *faultyDisk) opened(method, name string, writable bool) (file, error) {
	defer d.mu.Unlock()
	if err := d.enter(call{method: method, name: name}); err != nil {
		return nil, err
	}
	n := d.names[name]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	n.opened++
	return &faultyFile{d, n, name, writable}, d.leave()
}

func (d *faultyDisk) rename(from, to string) error { return d.change("rename", from, to) }
func (d *faultyDisk) remove(name string) error     { return d.change("remove", name, "") }

func (d *faultyDisk) change(method, from, to string) error {
	defer d.mu.Unlock()
	if err := d.enter(call{method: method, name: from}); err != nil {
		return err
	}
	n := d.names[from]
	if n == nil {
		return &fs.PathError{Op: method, Path: from, Err: fs.ErrNotExist}
	}
	if d.windows && n.opened > 0 {
		return &fs.PathError{Op: method, Path: from, Err: errors.New("somebody has it open")}
	}
	c := change{from, to, n}
	c.apply(d.names)
	d.changes = append(d.changes, c)
	return d.leave()
}

func (d *faultyDisk) syncDirectory() error {
	defer d.mu.Unlock()
	if err := d.enter(call{method: "syncDirectory"}); err != nil {
		return err
	}
	if err := d.leave(); err != nil {
		return err
	}
	d.durable, d.changes = maps.Clone(d.names), nil
	return nil
}

func (d *faultyDisk) list() ([]entry, error) {
	defer d.mu.Unlock()
	if err := d.enter(call{method: "list"}); err != nil {
		return nil, err
	}
	var all []entry
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		all = append(all, entry{name, int64(len(d.names[name].data))})
	}
	d.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, d.leave()
}

func (d *faultyDisk) space() (free, total int64, err error) {
	defer d.mu.Unlock()
	if err := d.enter(call{method: "space"}); err != nil {
		return 0, 0, err
	}
	return max(d.capacity-d.used(), 0), d.capacity, d.leave()
}

func (d *faultyDisk) lock(name string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, fmt.Errorf("%s: %w", name, errLocked)
	}
	d.locked = true
	return (*faultyLock)(d), nil
}

// faultyLock is the lock of a faultyDisk.
type faultyLock faultyDisk

func (l *faultyLock) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.locked = false
	return nil
}

// A faultyFile is an open file of a faultyDisk.
type faultyFile struct {
	d        *faultyDisk
	n        *inode
	name     string
	writable bool
}

// record makes a step that programs see at once.
func (n *inode) record(s step) {
	n.data = s.apply(n.data)
	n.steps = append(n.steps, s)
}

func (f *faultyFile) readAt(b []byte, offset int64) (int, error) {
	defer f.d.mu.Unlock()
	if err := f.d.enter(call{"readAt", f.name, len(b)}); err != nil {
		return 0, err
	}
	if err := f.d.leave(); err != nil {
		return 0, err
	}
	n := 0
	if offset < int64(len(f.n.data)) {
		n = copy(b, f.n.data[offset:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// writeAt writes a part when it fails: how much, room or chance says.
func (f *faultyFile) writeAt(b []byte, offset int64) (int, error) {
	d := f.d
	defer d.mu.Unlock()
	err := d.enter(call{"writeAt", f.name, len(b)})
	if err == errPower || !f.writable {
		return 0, errors.Join(err, fs.ErrPermission)
	}
	n := len(b)
	if err != nil && n > 0 {
		n = d.random.IntN(n)
	}
	grows := offset + int64(len(b)) - int64(len(f.n.data))
	if short := grows - max(d.capacity-d.used(), 0); grows > 0 && short > 0 && err == nil {
		n, err = max(n-int(short), 0), errSpace
	}
	if n > 0 {
		f.n.record(step{offset: offset, data: slices.Clone(b[:n])})
		d.written += int64(n)
	}
	if gone := d.leave(); gone != nil {
		return 0, gone
	}
	return n, err
}

func (f *faultyFile) truncate(size int64) error {
	defer f.d.mu.Unlock()
	if err := f.d.enter(call{method: "truncate", name: f.name}); err != nil {
		return err
	}
	f.n.record(step{offset: size})
	return f.d.leave()
}

// sync that fails has lost what it was to keep, and the next one will not say so:
// the system drops pages that it could not write.
func (f *faultyFile) sync() error {
	defer f.d.mu.Unlock()
	if err := f.d.enter(call{method: "sync", name: f.name}); err != nil {
		for i := range f.n.steps {
			f.n.steps[i].doomed = !f.n.steps[i].sure
		}
		return err
	}
	if err := f.d.leave(); err != nil {
		return err
	}
	f.n.settle()
	return nil
}

// settle makes sure of what no sync has lost.
func (n *inode) settle() {
	doomed := false
	for i := range n.steps {
		n.steps[i].sure = !n.steps[i].doomed
		doomed = doomed || n.steps[i].doomed
	}
	if !doomed {
		n.base, n.steps = slices.Clone(n.data), nil
	}
}

func (f *faultyFile) size() (int64, error) {
	defer f.d.mu.Unlock()
	if err := f.d.enter(call{method: "size", name: f.name}); err != nil {
		return 0, err
	}
	return int64(len(f.n.data)), f.d.leave()
}

func (f *faultyFile) close() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.n.opened--
	return nil
}

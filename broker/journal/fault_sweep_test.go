package journal

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
)

// A sweep lives one short life over and over, and each time another call of the
// disk fails.
type sweep struct {
	*life
	mishap string
	call   int
}

// mishaps are how the n-th call of a disk may fail.
var mishaps = map[string]func(n int) func(int, call) error{
	"EIO once": func(n int) func(int, call) error {
		return func(at int, _ call) error { return when(at == n, errMedia) }
	},
	"EIO from then on": func(n int) func(int, call) error {
		return func(at int, _ call) error { return when(n > 0 && at >= n, errMedia) }
	},
	"ENOSPC once": func(n int) func(int, call) error {
		return func(at int, what call) error { return when(at == n && what.grows(), errSpace) }
	},
	"ENOSPC for a while": func(n int) func(int, call) error {
		return func(at int, what call) error { return when(n > 0 && at >= n && at < n+40 && what.grows(), errSpace) }
	},
}

// grows says which calls want room.
func (c call) grows() bool { return c.method == "writeAt" || c.method == "create" }

func when(condition bool, err error) error {
	if condition {
		return err
	}
	return nil
}

// TestEveryFault lets each call fail that a journal makes from opening to
// closing, and sees that nothing is lost that was acknowledged, that a disk that
// was full is taken up again, and that a journal which failed acknowledges nothing.
func TestEveryFault(t *testing.T) {
	for mishap, fault := range mishaps {
		t.Run(mishap, func(t *testing.T) {
			calls := 0
			for n := 0; n <= calls; n++ { // the first time nothing fails
				synctest.Test(t, func(t *testing.T) {
					s := &sweep{newLife(t, 8), mishap, n}
					s.options = Options{SegmentSize: 1 << 10}
					if made := s.live(fault(n)); n == 0 {
						calls = made
					}
				})
				if t.Failed() {
					t.Fatalf("call %d", n)
				}
			}
			if calls < 100 {
				t.Errorf("a life has only %d calls", calls)
			}
		})
	}
}

// live makes a journal, opens it again with what fails, and a third time without.
func (s *sweep) live(fault func(int, call) error) (calls int) {
	s.open(nil, 60)
	s.disk.calls = 0
	s.open(fault, 40)
	calls = s.disk.calls
	s.open(nil, 0)
	return calls
}

func (s *sweep) open(fault func(int, call) error, appends int) {
	s.disk.fault = fault
	s.disk.slow = func(random *rand.Rand) time.Duration { return time.Duration(1 + random.IntN(1000)) }
	j, err := openIn(s.options, s.disk)
	s.journal = j
	if err == nil {
		_, err = s.compare(j)
	}
	if err == nil {
		s.busy(j, appends)
	}
	if err != nil {
		s.mayFail(fault, err)
	}
	if j != nil {
		s.end(j)
	}
	s.disk.locked = s.disk.locked && j != nil
	if s.disk.locked {
		s.fatal("%s of call %d: the lock stays", s.mishap, s.call)
	}
}

func (s *sweep) mayFail(fault func(int, call) error, err error) {
	var damage *DamageError
	switch {
	case fault == nil:
		s.fatal("%s of call %d: opening afterwards: %v", s.mishap, s.call, err)
	case errors.As(err, &damage):
		s.fatal("%s of call %d: %v", s.mishap, s.call, err)
	case !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, fs.ErrNotExist):
		s.fatal("%s of call %d: the error does not tell why: %v", s.mishap, s.call, err)
	}
}

// busy appends, waits now and then, and reads.
func (s *sweep) busy(j *Journal, appends int) {
	for i := range appends {
		events := s.traffic.next()
		if s.tryAppend(j, events) {
			s.traffic.mind.apply(events)
		}
		synctest.Wait()
		if i%6 == 0 {
			time.Sleep(200 * time.Millisecond)
		}
		if n := s.traffic.pick(s.traffic.live(true)); n != 0 && i%8 == 0 {
			if _, err := j.Fetch(n, s.truthNow().wanted(n)); err != nil && !errors.Is(err, syscall.EIO) {
				s.fatal("%s of call %d: fetch: %v", s.mishap, s.call, err)
			}
		}
	}
	time.Sleep(time.Minute)
	called, sure := s.counts()
	if !j.Measure().Failed && (called != s.asked || sure != len(s.appends)) {
		s.fatal("%s of call %d: %d of %d callbacks came, %d of %d Appends are sure", s.mishap, s.call, called, s.asked, sure, len(s.appends))
	}
}

func (l *life) counts() (called, sure int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.called, l.sure
}

// tryAppend says whether the events were taken.
func (s *sweep) tryAppend(j *Journal, events []broker.Event) bool {
	n := len(s.appends) + 1
	failed := j.Measure().Failed
	s.mu.Lock()
	err := j.Append(events, func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.called++
		if err == nil {
			s.sure = max(s.sure, n)
		}
		if err == nil && failed {
			s.t.Errorf("%s of call %d: acknowledged after it failed", s.mishap, s.call)
		}
	})
	s.mu.Unlock()
	if err != nil && !errors.Is(err, errNoRoom) {
		s.fatal("%s of call %d: append: %v", s.mishap, s.call, err)
	}
	if err == nil {
		s.asked++
		s.appends = append(s.appends, events)
	}
	return err == nil
}

// end closes the journal, and the power goes at once.
func (s *sweep) end(j *Journal) {
	err := j.Close()
	synctest.Wait()
	if called, _ := s.counts(); called != s.asked {
		s.fatal("%s of call %d: %d of %d callbacks came in the end", s.mishap, s.call, called, s.asked)
	}
	if err == nil && !j.Measure().Failed {
		s.sure = len(s.appends)
	}
	s.disk.fault = nil
	calls := s.disk.calls
	s.disk = s.disk.crash()
	s.disk.calls = calls
}

package broker

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"mqtk/broker/topictree"
	"mqtk/mqttwire"
)

// subscription is one filter of one session. It is replaced, never changed,
// except for share and place, which the subscriptions' lock guards.
type subscription struct {
	session     *Session
	filter      string // as subscribed, with its $share prefix; where plain, the string that the tree has
	share       *share // nil for a plain one
	identifier  uint32 // 0: none
	place       uint32 // in its crowd
	qos         mqttwire.QoS
	noLocal     bool
	asPublished bool
	handling    byte
}

// Name is the filter.
func (s *subscription) Name() string { return s.filter }

// Is says whether it is of that filter.
func (s *subscription) Is(filter string) bool { return s.filter == filter }

// ownSubscriptions are those of one session, by their filters: mostly one.
type ownSubscriptions struct {
	one  *subscription
	more *topictree.Set[*subscription] // all, where there are several
}

func (o *ownSubscriptions) len() int {
	switch {
	case o.more != nil:
		return o.more.Len()
	case o.one != nil:
		return 1
	}
	return 0
}

// get returns the subscription of a filter, nil for none.
func (o *ownSubscriptions) get(filter string) *subscription {
	switch {
	case o.more != nil:
		return o.more.Get(filter)
	case o.one != nil && o.one.filter == filter:
		return o.one
	}
	return nil
}

// put adds a subscription, in place of that of the same filter.
func (o *ownSubscriptions) put(s *subscription) {
	switch {
	case o.more != nil:
		o.more.Put(s)
	case o.one == nil || o.one.filter == s.filter:
		o.one = s
	default:
		o.more = &topictree.Set[*subscription]{}
		o.more.Put(o.one)
		o.more.Put(s)
		o.one = nil
	}
}

func (o *ownSubscriptions) drop(filter string) {
	switch {
	case o.more != nil:
		if o.more.Delete(filter); o.more.Len() == 0 {
			o.more = nil
		}
	case o.one != nil && o.one.filter == filter:
		o.one = nil
	}
}

func (o *ownSubscriptions) all(yield func(*subscription) bool) {
	switch {
	case o.more != nil:
		o.more.All()(yield)
	case o.one != nil:
		yield(o.one)
	}
}

// audience is what the subscription tree holds for one filter, share prefixes
// taken off: mostly one plain subscription, or a crowd.
type audience struct {
	one   *subscription
	crowd *crowd
}

type crowd struct {
	plain  []*subscription
	shares []*share
}

// gather makes a crowd of the audience.
func (a *audience) gather() *crowd {
	if a.crowd == nil {
		a.crowd = &crowd{}
		if a.one != nil {
			a.crowd.add(a.one)
			a.one = nil
		}
	}
	return a.crowd
}

// thin lets a crowd of one go.
func (a *audience) thin() {
	c := a.crowd
	switch {
	case c == nil || len(c.shares) > 0 || len(c.plain) > 1:
	case len(c.plain) == 1:
		a.one, a.crowd = c.plain[0], nil
	default:
		a.crowd = nil
	}
}

func (c *crowd) add(s *subscription) {
	s.place = uint32(len(c.plain))
	c.plain = append(c.plain, s)
}

func (c *crowd) drop(s *subscription) {
	last := len(c.plain) - 1
	c.plain[s.place] = c.plain[last]
	c.plain[s.place].place = s.place
	c.plain[last] = nil
	if c.plain = c.plain[:last]; last > 16 && last*4 < cap(c.plain) {
		c.plain = append(make([]*subscription, 0, last+last/4), c.plain...)
	}
}

// share returns the one of that name, which it makes if need be.
func (c *crowd) share(name, filter string) *share {
	for _, s := range c.shares {
		if s.name == name {
			return s
		}
	}
	s := &share{name: strings.Clone(name), filter: filter}
	s.bare.share = s
	s.members.Store(new([]*subscription))
	c.shares = append(c.shares, s)
	return s
}

// forget removes a share. What was matched may still be read: the list is a new one.
func (c *crowd) forget(s *share) {
	c.shares = slices.DeleteFunc(slices.Clone(c.shares), func(other *share) bool { return other == s })
}

// subscriptions are all of them. The tree is read by many and changed by few;
// nothing else is locked under its mutex.
type subscriptions struct {
	sync.RWMutex
	tree       topictree.Tree[audience]
	plain      int
	shared     int
	sys        int                     // with a filter that begins with $SYS
	generation atomic.Uint64           // changes so far
	changes    [changesKept]alteration // the last
}

// alteration is that somebody else subscribes to a filter than before.
type alteration struct {
	filter  string // without its share prefix
	literal int    // bytes before its first wildcard
}

// changesKept is after how many alterations it is as well to match a topic anew as
// to look whether one of them concerns it.
const changesKept = 128

// changed notes an alteration.
func (t *subscriptions) changed(filter string) {
	literal := strings.IndexAny(filter, "+#")
	if literal < 0 {
		literal = len(filter)
	}
	t.changes[t.generation.Load()%changesKept] = alteration{filter, literal}
	t.generation.Add(1)
}

// concerns says whether the filter matches a topic. Most do not, and that has to
// be cheap.
func (a *alteration) concerns(topic string) bool {
	if a.literal == len(a.filter) {
		return a.filter == topic
	}
	return strings.HasPrefix(topic, strings.TrimSuffix(a.filter[:a.literal], "/")) && mqttwire.Match(a.filter, topic)
}

// stands says whether what was true of a topic at a generation still is, and
// until which it is known to be.
func (t *subscriptions) stands(topic string, generation uint64) (now uint64, stands bool) {
	t.RLock()
	defer t.RUnlock()
	now = t.generation.Load()
	if now-generation > changesKept {
		return now, false
	}
	for ; generation < now; generation++ {
		if t.changes[generation%changesKept].concerns(topic) {
			return now, false
		}
	}
	return now, true
}

// add files a subscription in place of old, which is of the same filter or nil.
// It keeps the filter, unless the tree has that already.
func (t *subscriptions) add(s, old *subscription) {
	t.Lock()
	defer t.Unlock()
	name, rest, shared := mqttwire.SplitShared(s.filter)
	kept, a, _ := t.tree.Get(rest)
	if kept != "" && !shared {
		s.filter = kept
	}
	switch {
	case shared:
		if old != nil {
			t.remove(old, rest, &a)
		}
		s.share = a.gather().share(name, s.filter)
		s.share.join(s)
		t.count(s, rest, 1)
	case old != nil && a.crowd == nil:
		a.one = s
	case old != nil:
		s.place = old.place
		a.crowd.plain[s.place] = s
	case a == audience{}:
		a.one = s
		t.count(s, rest, 1)
	default:
		a.gather().add(s)
		t.count(s, rest, 1)
	}
	t.tree.Set(rest, a)
	if shared || !s.repeats(old, s.qos) {
		t.changed(rest)
	}
}

// drop removes a subscription.
func (t *subscriptions) drop(s *subscription) {
	t.Lock()
	defer t.Unlock()
	_, rest, _ := mqttwire.SplitShared(s.filter)
	_, a, ok := t.tree.Get(rest)
	if !ok {
		return
	}
	t.remove(s, rest, &a)
	t.changed(rest)
	if a.thin(); a == (audience{}) {
		t.tree.Delete(rest)
	} else {
		t.tree.Set(rest, a)
	}
}

// remove takes a subscription out of the audience of its filter.
func (t *subscriptions) remove(s *subscription, rest string, a *audience) {
	switch {
	case s.share != nil:
		if s.share.part(s) {
			a.crowd.forget(s.share)
		}
	case a.crowd != nil:
		a.crowd.drop(s)
	default:
		a.one = nil
	}
	t.count(s, rest, -1)
}

// count accounts for a subscription that comes (1) or goes (-1).
func (t *subscriptions) count(s *subscription, rest string, n int) {
	if s.share != nil {
		t.shared += n
	} else {
		t.plain += n
	}
	if isSys(rest) {
		t.sys += n
	}
}

// sysWanted says whether anybody subscribes to $SYS.
func (t *subscriptions) sysWanted() bool {
	t.RLock()
	defer t.RUnlock()
	return t.sys > 0
}

// counts are all subscriptions, and the shared ones among them.
func (t *subscriptions) counts() (all, shared int) {
	t.RLock()
	defer t.RUnlock()
	return t.plain + t.shared, t.shared
}

// isSys says whether a topic or filter is of the tree that only the broker
// publishes to.
func isSys(filter string) bool {
	rest, ok := strings.CutPrefix(filter, "$SYS")
	return ok && (rest == "" || rest[0] == '/')
}

package broker

import (
	"strings"

	"mqtk/mqttwire"
)

// A mount point is put before every topic and filter of the clients of a gate, and
// taken off what they are sent: each gate with one is a house of its own in the
// tree. Everything inside, rights too, knows the whole topic. $SYS is there once,
// for all; other topics that begin with $ are of no house, neither to be published
// to nor received.

// mountPoint is the connection's, from its CONNECT on.
func (c *Conn) mountPoint() string { return c.terms.rules.MountPoint }

// settle begins to take a gate's mount point into account, if it has one.
func (c *Conn) settle() {
	if c.mounted = c.mountPoint() != ""; c.mounted && !c.b.mounts.Load() {
		c.b.mounts.Store(true)
	}
}

// mount puts the mount point before the topic of a PUBLISH. The last one is
// remembered, for most come more than once.
func (c *Conn) mount(p *mqttwire.Publish) mqttwire.ReasonCode {
	if p.Topic[0] == '$' {
		return mqttwire.NotAuthorized
	}
	k := c.publishing().needRare()
	if k.inside != p.Topic {
		k.inside = strings.Clone(p.Topic)
		k.outside = c.mountPoint() + k.inside
	}
	p.Topic = k.outside
	return mqttwire.Success
}

// mountFilter puts the mount point before a filter, or behind the name of its
// share.
func (c *Conn) mountFilter(filter string) string {
	name, rest, shared := mqttwire.SplitShared(filter)
	switch {
	case isSys(filter) || shared && isSys(rest):
		return filter
	case shared:
		return "$share/" + name + "/" + c.mountPoint() + rest
	}
	return c.mountPoint() + filter
}

// unmount is the topic as the client knows it, which mayReceive has seen to.
func (c *Conn) unmount(topic string) string {
	return strings.TrimPrefix(topic, c.mountPoint())
}

// reaches says whether a topic is in the house of the session's client; of one that
// is away, all are.
func (s *Session) reaches(topic string) bool {
	c := s.owner.Load()
	if c == nil || !c.mounted || isSys(topic) {
		return true
	}
	rest, inside := strings.CutPrefix(topic, c.mountPoint())
	return inside && rest != "" && rest[0] != '$'
}

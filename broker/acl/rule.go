package acl

import (
	"net/netip"
	"strings"

	"mqtk/mqttwire"
)

// Access is what a Rule speaks about.
type Access byte

const (
	Read  Access = 1 << iota // SUBSCRIBE, and each delivery
	Write                    // PUBLISH, and the will
)

// Form says how the topic of a Rule is written.
type Form byte

const (
	Extended Form = iota // all placeholders; "eq " before a literal
	Pattern              // %c and %u
	Filter               // a filter as it stands
)

// A Rule allows or denies. Whom it speaks about is said by the columns that are
// not empty, all of which must be the client's; with none of them, and neither
// All nor Anonymous, it is about nobody.
type Rule struct {
	Allow     bool
	Access    Access
	Topic     string // as written
	Form      Form
	Username  string
	ClientID  string
	Address   string // an address, or several as 10.0.0.0/8
	All       bool   // everybody; ClientID and Address are ignored
	Anonymous bool   // clients without a user name
	Origin    string // where it stands: "acl:12", "row 17"
}

// Client is who the rules are compiled for.
type Client struct {
	Username, ClientID string
	Address            netip.Addr
}

// nobody says whether the rule is about nobody at all.
func (r *Rule) nobody() bool {
	return !r.All && !r.Anonymous && r.Username == "" && r.ClientID == "" && r.Address == ""
}

// about says whether the rule speaks about a client.
func (r *Rule) about(c *Client) bool {
	switch {
	case r.All:
		return true
	case r.Anonymous:
		return c.Username == ""
	case r.nobody():
		return false
	}
	return (r.Username == "" || r.Username == c.Username) &&
		(r.ClientID == "" || r.ClientID == c.ClientID) &&
		(r.Address == "" || r.covers(c.Address))
}

// About says whether the rule speaks about a client.
func (r *Rule) About(c *Client) bool { return r.about(c) }

// Personal says whether the topic has the names of the client in it. Without, the
// same rules compiled for two clients they speak about are the same.
func (r *Rule) Personal() bool {
	at, _ := r.Form.next(r.Topic)
	return at >= 0
}

// covers says whether an address is the rule's, or among those of its network.
func (r *Rule) covers(a netip.Addr) bool {
	network, ok := r.network()
	return ok && network.Contains(a.Unmap().WithZone(""))
}

// network reads the column Address. An IPv4 address in the dress of IPv6 is one
// of IPv4.
func (r *Rule) network() (netip.Prefix, bool) {
	if !strings.Contains(r.Address, "/") {
		a, err := netip.ParseAddr(r.Address)
		if err != nil {
			return netip.Prefix{}, false
		}
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(r.Address)
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, true
}

// String is the rule as a line of words.
func (r *Rule) String() string {
	words := []string{"deny"}
	if r.Allow {
		words[0] = "allow"
	}
	switch r.Access {
	case Read:
		words = append(words, "read")
	case Write:
		words = append(words, "write")
	case Read | Write:
		words = append(words, "readwrite")
	}
	return strings.Join(append(words, r.Topic+", for "+r.whom()), " ")
}

// whom says whom the rule is about.
func (r *Rule) whom() string {
	switch {
	case r.All:
		return "everybody"
	case r.Anonymous:
		return "clients without a user name"
	case r.nobody():
		return "nobody"
	}
	var who []string
	for _, column := range [...]struct{ name, value string }{{"user ", r.Username}, {"client ", r.ClientID}, {"address ", r.Address}} {
		if column.value != "" {
			who = append(who, column.name+column.value)
		}
	}
	return strings.Join(who, ", ")
}

// literal returns what stands behind "eq ".
func (r *Rule) literal() (topic string, ok bool) {
	if r.Form != Extended {
		return "", false
	}
	return strings.CutPrefix(r.Topic, "eq ")
}

// wellFormed says whether a topic, its placeholders filled in or not, is a filter
// that can match something.
func wellFormed(topic string) bool {
	return mqttwire.CheckTopicFilter(topic) == nil && !strings.HasPrefix(topic, "$share/")
}

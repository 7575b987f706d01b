package authsql

import (
	"crypto/sha256"
	"sync"
	"weak"

	"mqtk/broker/acl"
)

// sharing lets clients about whom the same rows speak share one acl.Rules, where
// no row puts a client's name into its topic.
type sharing struct {
	sync.Mutex
	rules map[[sha256.Size]byte]weak.Pointer[acl.Rules]
}

func (s *sharing) get(sum [sha256.Size]byte, compile func() *acl.Rules) *acl.Rules {
	s.Lock()
	defer s.Unlock()
	if rules := s.rules[sum].Value(); rules != nil {
		return rules
	}
	rules := compile()
	if s.rules == nil {
		s.rules = make(map[[sha256.Size]byte]weak.Pointer[acl.Rules])
	}
	s.rules[sum] = weak.Make(rules)
	return rules
}

// sweep forgets what nobody has any more.
func (s *sharing) sweep() {
	s.Lock()
	defer s.Unlock()
	for sum, rules := range s.rules {
		if rules.Value() == nil {
			delete(s.rules, sum)
		}
	}
}

package broker_test

import (
	"context"
	"strings"
	"testing"

	"mqtk/broker"
)

// fragile has rights for everybody, and breaks over certain topics.
type fragile struct{}

func (fragile) Authorize(_ *broker.Identity, a broker.Action, topic string) bool {
	if a == broker.Publish && strings.HasPrefix(topic, "break/publish") ||
		a == broker.Receive && strings.HasPrefix(topic, "break/receive") {
		panic("the authorizer broke over " + topic)
	}
	return true
}

// brittle lets everybody in, and breaks over one user.
type brittle struct{}

func (brittle) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	if c.Username == "break" {
		panic("the authenticator broke")
	}
	return broker.Identity{Username: c.Username}, nil
}

// A panic ends the connection that it comes from, and no other.
func TestHostilePanicEndsOneConnection(t *testing.T) {
	o := broker.Options{Authorizer: fragile{}, Authenticator: brittle{}}
	for name, attack := range map[string]func(s *siege){
		"a publisher's right": func(s *siege) {
			g := s.connect("version=5 client-id=a")
			g.send("PUBLISH topic=break/publish qos=1 packet-id=1")
			g.expectClosed("DISCONNECT ImplementationSpecificError")
		},
		"behind a message for others": func(s *siege) {
			g := s.connect("version=5 client-id=a")
			g.send("PUBLISH topic=well/x payload=first", "PUBLISH topic=break/publish")
			s.receiver.expect("PUBLISH topic=well/x payload=first")
			g.expectClosed("DISCONNECT ImplementationSpecificError")
		},
		"a receiver's right": func(s *siege) {
			other := s.connect("version=5 client-id=b")
			other.send("SUBSCRIBE packet-id=1 filter=break/#")
			other.expect("SUBACK GrantedQoS0")
			g := s.connect("version=5 client-id=a")
			g.send("PUBLISH topic=break/receive qos=1 packet-id=1")
			g.expectClosed("DISCONNECT ImplementationSpecificError")
			other.send("PINGREQ")
			other.expect("PINGRESP")
		},
		"a will's right at CONNECT": func(s *siege) {
			g := s.ask("version=5 client-id=a will-topic=break/publish will-payload=x")
			g.expectClosed("?")
		},
		"a will that fires": func(s *siege) {
			other := s.connect("version=5 client-id=b")
			other.send("SUBSCRIBE packet-id=1 filter=break/#")
			other.expect("SUBACK GrantedQoS0")
			g := s.connect("version=5 client-id=a will-topic=break/receive will-payload=x")
			g.Close()
			if !eventually(func() bool { return s.broker.Panics() > 0 }) {
				s.Error("the will did not break anything")
			}
			other.send("PINGREQ")
			other.expect("PINGRESP")
		},
		"an authenticator": func(s *siege) {
			g := s.ask("version=5 client-id=a username=break")
			g.expectClosed("?")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, o, func(s *siege) {
				s.panics = 1
				attack(s)
			})
		})
		t.Run(name+", over TCP", func(t *testing.T) {
			overLoopback(t, o, func(s *siege) {
				s.panics = 1
				attack(s)
			})
		})
	}
}

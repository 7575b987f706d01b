package broker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// only lets in the user of that name, with any password.
type only string

func (u only) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	if c.Username != string(u) {
		return broker.Identity{}, broker.ErrBadCredentials
	}
	return broker.Identity{Username: c.Username}, nil
}

// named lets in everybody by the name that he gives.
type named struct{}

func (named) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	return broker.Identity{Username: c.Username}, nil
}

// secrecy denies one action on the topics below secret/, while it is set.
type secrecy struct {
	denied atomic.Int32 // a broker.Action
	asked  atomic.Int32 // about a topic below secret/, and denied
}

func (r *secrecy) Authorize(id *broker.Identity, a broker.Action, topic string) bool {
	if id == nil || !strings.HasPrefix(topic, "secret/") || a != broker.Action(r.denied.Load()) {
		return true
	}
	r.asked.Add(1)
	return false
}

func (r *secrecy) deny(a broker.Action) { r.denied.Store(int32(a)) }

// One function decides whether a client may receive a topic, at each delivery
// and whatever brings it: a right that is revoked stops on kept subscriptions,
// and the filter # yields nothing beyond the rights.
func TestHostileReceiveDenied(t *testing.T) {
	const connect = "version=5 client-id=a session-expiry-interval=600"
	for name, attack := range map[string]func(s *siege, r *secrecy, g *guest) *guest{
		"live": func(s *siege, r *secrecy, g *guest) *guest {
			r.deny(broker.Receive)
			s.say("PUBLISH topic=secret/a qos=1 packet-id=900")
			s.say("PUBLISH topic=secret/a")
			return g
		},
		"of a will": func(s *siege, r *secrecy, g *guest) *guest {
			r.deny(broker.Receive)
			s.connect("version=5 client-id=w will-topic=secret/a will-qos=1 will-payload=x").Close()
			return g
		},
		"retained": func(s *siege, r *secrecy, g *guest) *guest {
			s.say("PUBLISH topic=secret/a qos=1 packet-id=900 retain=1 payload=x")
			g.expect("PUBLISH topic=secret/a")
			r.deny(broker.Receive)
			g.send("PUBACK packet-id=1", "SUBSCRIBE packet-id=2 filter=# qos=1")
			g.expect("SUBACK GrantedQoS1")
			g.send("SUBSCRIBE packet-id=2 filter=secret/a qos=0")
			g.expect("SUBACK GrantedQoS0")
			return g
		},
		"queued": func(s *siege, r *secrecy, g *guest) *guest {
			g.Close()
			nap(time.Second)
			s.say("PUBLISH topic=secret/a qos=1 packet-id=900")
			r.deny(broker.Receive)
			return s.connect(connect)
		},
		"waiting for the window": func(s *siege, r *secrecy, g *guest) *guest {
			for i := range 100 { // 64 of them are sent
				s.say(fmt.Sprintf("PUBLISH topic=open/%d qos=1 packet-id=901", i))
			}
			s.say("PUBLISH topic=secret/a qos=1 packet-id=900")
			r.deny(broker.Receive)
			for i := range 100 {
				m := g.expect(fmt.Sprintf("PUBLISH topic=open/%d", i)).(*mqttwire.Publish)
				g.put(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: m.PacketID})
			}
			return g
		},
		"resumed": func(s *siege, r *secrecy, g *guest) *guest {
			s.say("PUBLISH topic=secret/a qos=1 packet-id=900")
			g.expect("PUBLISH topic=secret/a qos=1")
			g.Close()
			nap(time.Second)
			r.deny(broker.Receive)
			return s.connect(connect)
		},
		"shared": func(s *siege, r *secrecy, g *guest) *guest {
			g.send("UNSUBSCRIBE packet-id=2 filter=#", "SUBSCRIBE packet-id=3 filter=$share/g/# qos=1")
			g.expect("UNSUBACK Success")
			g.expect("SUBACK GrantedQoS1")
			r.deny(broker.Receive)
			s.say("PUBLISH topic=secret/a qos=1 packet-id=900")
			s.say("PUBLISH topic=secret/a")
			return g
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &secrecy{}
			inBubble(t, broker.Options{Authorizer: r, Authenticator: named{}}, func(s *siege) {
				g := s.connect(connect)
				g.send("SUBSCRIBE packet-id=1 filter=# qos=1")
				g.expect("SUBACK GrantedQoS1")
				g = attack(s, r, g)
				g.quiet(time.Second)
				if r.asked.Load() == 0 {
					s.Error("nobody asked whether the client may receive it")
				}
				s.say("PUBLISH topic=open qos=1 packet-id=903")
				g.expect("PUBLISH topic=open qos=1")
				g.Close()
			})
		})
	}
}

// say publishes something by the healthy publisher.
func (s *siege) say(line string) {
	s.Helper()
	s.publisher.send(line)
	if strings.Contains(line, "packet-id") {
		s.publisher.expect("PUBACK")
	}
}

// A denied filter is denied as a share, too.
func TestHostileSubscribeDenied(t *testing.T) {
	r := &secrecy{}
	r.deny(broker.Subscribe)
	inBubble(t, broker.Options{Authorizer: r}, func(s *siege) {
		const lines = "SUBSCRIBE packet-id=1 filter=secret/# filter=$share/g/secret/# filter=$share/secret/a filter=$share/g/secret/+"
		g := s.connect("version=5 client-id=a")
		g.send(lines)
		g.expect("SUBACK NotAuthorized NotAuthorized GrantedQoS0 NotAuthorized")
		g = s.connect("version=3.1.1 clean-start=1 client-id=a")
		g.send(lines)
		g.expect("SUBACK UnspecifiedError UnspecifiedError GrantedQoS0 UnspecifiedError")
	})
}

// What may not be published goes nowhere, on no version; as a will it is asked
// for at CONNECT and again when it fires.
func TestHostilePublishDenied(t *testing.T) {
	r := &secrecy{}
	r.deny(broker.Publish)
	inBubble(t, broker.Options{Authorizer: r}, func(s *siege) {
		listener := s.connect("version=5 client-id=b")
		listener.send("SUBSCRIBE packet-id=1 filter=secret/#")
		listener.expect("SUBACK GrantedQoS0")
		lines := []string{"PUBLISH topic=secret/a payload=x", "PUBLISH topic=secret/a retain=1 payload=x",
			"PUBLISH topic=secret/a qos=1 packet-id=1", "PUBLISH topic=secret/a qos=2 packet-id=2 retain=1 payload=x"}
		g := s.connect("version=5 client-id=a")
		g.send(lines...)
		g.expect("PUBACK NotAuthorized packet-id=1")
		g.expect("PUBREC NotAuthorized packet-id=2")
		g = s.connect("version=3.1.1 clean-start=1 client-id=a")
		g.send(lines...)
		g.expect("PUBACK packet-id=1")
		g.expect("PUBREC packet-id=2")
		g.send("PUBREL packet-id=2")
		g.expect("PUBCOMP packet-id=2")

		g = s.ask("version=5 client-id=w will-topic=secret/a will-payload=x")
		g.expect("CONNACK NotAuthorized")
		g.expectEnd()
		g = s.ask("version=3.1.1 clean-start=1 client-id=w will-topic=secret/a will-payload=x")
		g.expect("CONNACK NotAuthorized")
		g.expectEnd()

		r.deny(0)
		now := s.connect("version=5 client-id=w1 will-topic=secret/a will-payload=x")
		later := s.connect("version=5 client-id=w2 session-expiry-interval=60 will-delay-interval=5 will-topic=secret/a will-payload=x")
		r.deny(broker.Publish)
		now.Close()
		later.Close()
		listener.quiet(time.Minute)
		listener.send("SUBSCRIBE packet-id=1 filter=secret/#") // nothing was retained
		listener.expect("SUBACK GrantedQoS0")
		listener.quiet(time.Second)
	})
}

// $SYS cannot be written: not by PUBLISH at any QoS, retained or not, by alias,
// or by will.
func TestHostileSysWrite(t *testing.T) {
	inBubble(t, broker.Options{}, func(s *siege) {
		listener := s.connect("version=5 client-id=b")
		listener.send("SUBSCRIBE packet-id=1 filter=$SYS/evil/#", "SUBSCRIBE packet-id=2 filter=$SYS", "SUBSCRIBE packet-id=3 filter=$share/g/$SYS/evil/#")
		for range 3 {
			listener.expect("SUBACK GrantedQoS0")
		}
		for _, topic := range []string{"$SYS/evil/a", "$SYS", "$SYS/", "$share/g/$SYS/evil/a"} {
			lines := []string{"PUBLISH topic=" + topic, "PUBLISH retain=1 topic=" + topic + " payload=x",
				"PUBLISH qos=1 packet-id=1 topic=" + topic, "PUBLISH qos=2 packet-id=2 retain=1 topic=" + topic + " payload=x"}
			g := s.connect("version=5 client-id=a")
			g.send(lines...)
			g.expect("PUBACK NotAuthorized packet-id=1")
			g.expect("PUBREC NotAuthorized packet-id=2")
			g.send("PUBLISH topic-alias=1 qos=1 packet-id=3 topic="+topic, `PUBLISH topic="" topic-alias=1 qos=1 packet-id=4`)
			g.expect("PUBACK NotAuthorized packet-id=3")
			g.expect("PUBACK NotAuthorized packet-id=4")
			g = s.connect("version=3.1.1 clean-start=1 client-id=a")
			g.send(lines...)
			g.expect("PUBACK packet-id=1")
			g.expect("PUBREC packet-id=2")
			for _, version := range []string{"3.1", "3.1.1", "5"} {
				g = s.ask("version=" + version + " clean-start=1 client-id=a will-retain=1 will-payload=x will-topic=" + topic)
				g.expect("CONNACK NotAuthorized")
				g.expectEnd()
			}
		}
		listener.quiet(time.Second)
		listener.send("SUBSCRIBE packet-id=4 filter=$SYS/evil/#") // nothing was retained
		listener.expect("SUBACK GrantedQoS0")
		listener.quiet(time.Second)
	})
}

// Take-over needs the same identity, of a session that is offline too. The old
// connection stays, and its will and subscriptions with it.
func TestHostileTakeoverIdentity(t *testing.T) {
	inBubble(t, broker.Options{Authenticator: named{}}, func(s *siege) {
		g := s.connect("version=5 client-id=a username=owner session-expiry-interval=600 will-topic=well/will will-payload=x")
		g.send("SUBSCRIBE packet-id=1 filter=a qos=1")
		g.expect("SUBACK GrantedQoS1")
		attack := func() {
			s.Helper()
			for _, thief := range []string{"username=thief", "username=thief clean-start=1", "username=OWNER", "", "clean-start=1", `username=""`} {
				for _, version := range []string{"3.1", "3.1.1", "5"} {
					t := s.ask("version=" + version + " client-id=a " + thief)
					t.expect("CONNACK NotAuthorized !session-present")
					t.expectEnd()
				}
			}
		}
		attack()
		g.send("PINGREQ")
		g.expect("PINGRESP")
		s.others() // the will would come before
		g.send("DISCONNECT NormalDisconnection session-expiry-interval=600")
		g.expectEnd()
		attack()
		s.say("PUBLISH topic=a qos=1 packet-id=900 payload=kept")
		g = s.ask("version=5 client-id=a username=owner session-expiry-interval=600")
		g.expect("CONNACK Success session-present=1")
		g.expect("PUBLISH topic=a payload=kept")
	})
}

// guarded is an authenticator with secrets of its own.
type guarded struct{}

func (guarded) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	switch {
	case c.Username == "well":
		return broker.Identity{Username: "well"}, nil
	case c.Username == "known":
		return broker.Identity{}, fmt.Errorf("user known: the hash differs: %w", broker.ErrBadCredentials)
	case c.Username == "broken":
		return broker.Identity{}, errors.New("dial tcp 10.1.2.3:3306: connection refused")
	}
	return broker.Identity{}, fmt.Errorf("no such user: %w", broker.ErrBadCredentials)
}

// The answer to an unknown user is that to a wrong password, byte for byte, and
// what the authenticator says of itself stays inside.
func TestHostileConstantAnswers(t *testing.T) {
	inBubble(t, broker.Options{Authenticator: guarded{}}, func(s *siege) {
		for _, version := range []string{"3.1", "3.1.1", "5"} {
			answer := func(user, want string) string {
				s.Helper()
				g := s.ask("version=" + version + " clean-start=1 client-id=a password=x username=" + user)
				text := mqttwire.LineOf(g.expect("CONNACK "+want), g.r.Version).String()
				g.expectEnd()
				return text
			}
			known, unknown := answer("known", "BadUserNameOrPassword"), answer("unknown", "BadUserNameOrPassword")
			if known != unknown {
				s.Errorf("a known user is answered %s, an unknown one %s", known, unknown)
			}
			for _, text := range []string{known, answer("broken", "ServerUnavailable")} {
				if strings.Contains(text, "user known") || strings.Contains(text, "hash") || strings.Contains(text, "10.1.2.3") {
					s.Errorf("the answer tells too much: %s", text)
				}
			}
		}
	})
}

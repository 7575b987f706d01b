package client

import (
	"errors"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

func auths5() statements {
	return statements{
		"MQTT-3.1.2-30": onlyAuthBeforeConnack,
		"MQTT-4.12.0-3": onlyAuthBeforeConnack,
		"MQTT-4.12.0-5": sameMethod,
		"MQTT-4.12.0-7": noAuthUnasked,
		"MQTT-4.12.1-1": reauthenticates,
		"MQTT-4.12.1-2": reauthenticationFails,
		"MQTT-3.15.2-2": onlyAuthBeforeConnack,
		"MQTT-3.15.2-3": onlyAuthBeforeConnack,
	}
}

// riddle is an authentication method: the answer to a challenge is the
// challenge and a mark, and the server's last word must be "yes".
type riddle struct{}

func (riddle) Method() string                        { return "RIDDLE" }
func (riddle) Start() ([]byte, error)                { return []byte("hello"), nil }
func (riddle) Next(challenge []byte) ([]byte, error) { return append(challenge, '!'), nil }
func (riddle) Finish(data []byte) error {
	if string(data) != "yes" {
		return errors.New("the server does not know the secret")
	}
	return nil
}

const (
	riddleConnect   = " client-id=a authentication-method=RIDDLE authentication-data=hello"
	riddleChallenge = "AUTH ContinueAuthentication authentication-method=RIDDLE authentication-data=what"
	riddleAnswer    = "AUTH ContinueAuthentication authentication-method=RIDDLE authentication-data=what!"
	riddleYes       = " authentication-method=RIDDLE authentication-data=yes"
)

func (b *bench) riddle() Options {
	o := b.options()
	o.Authenticator = riddle{}
	return o
}

func onlyAuthBeforeConnack(b *bench) {
	o := b.riddle()
	o.Connect.KeepAlive = 1
	k := b.connect(o)
	p := b.accept()
	p.expect("CONNECT version=5 clean-start=1 keep-alive=1" + riddleConnect)
	p.quiet(10 * time.Second)
	for range 2 {
		p.send(riddleChallenge)
		p.expect(riddleAnswer)
	}
	p.quiet(10 * time.Second)
	p.send(ok + riddleYes)
	k.client()
	// A server that does not prove itself is left.
	k = b.connect(b.riddle())
	p = b.welcome(ok + " authentication-method=RIDDLE authentication-data=no")
	p.eof()
	wantError[*AuthError](b, k.fails(), "RIDDLE", "does not know the secret")
}

func sameMethod(b *bench) {
	for _, answer := range []string{
		"AUTH ContinueAuthentication authentication-method=OTHER authentication-data=what",
		ok + " authentication-method=OTHER authentication-data=yes",
		ok,
		"AUTH Success" + riddleYes, // not before CONNACK
	} {
		k := b.connect(b.riddle())
		p := b.welcome(answer)
		p.expect("DISCONNECT ProtocolError")
		p.eof()
		wantError[*ViolationError](b, k.fails())
	}
}

func noAuthUnasked(b *bench) {
	c, p := b.greet(b.options(), ok)
	if err := c.Reauthenticate(b.Context()); err == nil {
		b.Error("authenticates again without a method")
	}
	p.send(riddleChallenge)
	p.expect("DISCONNECT ProtocolError")
	p.eof()
	<-c.Done()
	wantError[*ViolationError](b, c.Err(), "nobody asked")
	// Nor before CONNACK.
	k := b.connect(b.options())
	p = b.welcome(riddleChallenge)
	p.expect("DISCONNECT ProtocolError")
	p.eof()
	wantError[*ViolationError](b, k.fails(), "nobody asked")
	// A method in the CONNECT that nobody here can answer for.
	o := b.options()
	o.Connect.Properties = o.Connect.Properties.AddText(mqttwire.AuthenticationMethod, "RIDDLE")
	k = b.connect(o)
	p = b.welcome(riddleChallenge)
	p.eof()
	wantError[*AuthError](b, k.fails(), "RIDDLE")
	// And the server may not answer one that was not asked.
	k = b.connect(b.options())
	p = b.welcome(ok + riddleYes)
	p.expect("DISCONNECT ProtocolError")
	p.eof()
	k.fails()
}

func reauthenticates(b *bench) {
	c, p := b.greet(b.riddle(), ok+riddleYes)
	wait := b.background(func() error { return c.Reauthenticate(b.Context()) })
	p.expect("AUTH ReAuthenticate authentication-method=RIDDLE authentication-data=hello")
	b.publish(c, "topic=a") // life goes on
	p.expect("PUBLISH topic=a")
	p.send(riddleChallenge)
	p.expect(riddleAnswer)
	p.send("AUTH Success" + riddleYes)
	if err := wait(); err != nil {
		b.Error(err)
	}
	p.send(riddleChallenge) // and is over
	p.expect("DISCONNECT ProtocolError")
	p.eof()
}

func reauthenticationFails(b *bench) {
	c, p := b.greet(b.riddle(), ok+riddleYes)
	wait := b.background(func() error { return c.Reauthenticate(b.Context()) })
	p.read()
	p.send("DISCONNECT NotAuthorized")
	p.eof()
	wantError[*DisconnectedError](b, wait(), "not authorized")

	c, p = b.greet(b.riddle(), ok+riddleYes)
	wait = b.background(func() error { return c.Reauthenticate(b.Context()) })
	p.read()
	p.send("AUTH Success authentication-method=RIDDLE authentication-data=no")
	p.expect("DISCONNECT UnspecifiedError")
	p.eof()
	wantError[*AuthError](b, wait(), "does not know the secret")

	c, p = b.greet(b.riddle(), ok+riddleYes)
	wait = b.background(func() error { return c.Reauthenticate(b.Context()) })
	p.read()
	p.quiet(29 * time.Second)
	wantError[*TimeoutError](b, wait(), "AUTH")
	synctest.Wait()
}

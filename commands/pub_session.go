package commands

import (
	"context"
	"errors"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// begin connects. A session of our own begins empty: in one that an earlier pub
// of this client id has left behind the broker may still hold packet ids of QoS
// 2, and would take a new message with one of them for the old one, come again.
func (t *tally) begin(ours bool) error {
	if err := t.connect(); err != nil || !ours || !t.Grants().SessionPresent {
		return err
	}
	t.say("an earlier connection as %s has left a session: it is ended", t.Grants().ClientID)
	_ = t.disconnect()
	connect := &t.plan.options.Connect
	connect.CleanStart = true
	if t.spoken() != mqttwire.V5 { // a clean session would not last
		if err := t.connect(); err != nil {
			return err
		}
		_ = t.disconnect()
		connect.CleanStart = false
	}
	return t.connect()
}

// end says good-bye, and ends the session on the broker where it is ours. What
// the broker did not read has not reached it, which an answer would else tell.
func (t *tally) end(ours bool) error {
	if !ours {
		err := t.disconnect()
		if t.unsaid && errors.As(err, new(*client.LostError)) {
			return err
		}
		return goodbye(err)
	}
	ctx, cancel := context.WithTimeout(t.ctx, 5*time.Second)
	defer cancel()
	err := t.EndSession(ctx, t.ending)
	if goodbye(err) == nil && err != nil {
		lasts := "expires in an hour"
		if t.spoken() != mqttwire.V5 {
			lasts = "stays there"
		}
		t.say("the session on the broker was not ended, it %s: %v", lasts, err)
	}
	return goodbye(err)
}

// abandon says good-bye with messages open. Nobody will take up a session of
// our own.
func (t *tally) abandon(ours bool) {
	if !ours {
		_ = t.disconnect()
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), time.Second)
	defer cancel()
	_ = t.EndSession(ctx, t.ending)
}

package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mqtk/mqttwire"
)

// Handshake sends connect and waits for the CONNACK, until ctx ends. A refusal
// is a *RefusedError. The CONNACK is a view, good until the next read. After
// an error the connection is closed.
func (c *Conn) Handshake(ctx context.Context, connect *mqttwire.Connect) (*mqttwire.Connack, error) {
	return c.handshake(ctx, connect, nil)
}

func (c *Conn) handshake(ctx context.Context, connect *mqttwire.Connect, auth *authentication) (*mqttwire.Connack, error) {
	start := time.Now()
	stop := context.AfterFunc(ctx, func() { c.nc.Close() })
	connack, err := c.greet(connect, auth)
	if !stop() && ctx.Err() != nil && !errors.As(err, new(*RefusedError)) {
		c.Close()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, &TimeoutError{Waiting: "CONNACK", After: time.Since(start).Round(time.Millisecond)}
		}
		return nil, fmt.Errorf("waiting for CONNACK: %w", context.Cause(ctx))
	}
	if err == nil {
		return connack, nil
	}
	var violation *ViolationError
	if errors.As(err, &violation) {
		c.condemn(violation)
	}
	c.Close()
	return nil, err
}

func (c *Conn) greet(connect *mqttwire.Connect, auth *authentication) (*mqttwire.Connack, error) {
	if connect.Version == 0 {
		connect.Version = c.o.Version
	}
	c.o.Version, c.reader.Version = connect.Version, connect.Version
	if _, err := c.put(connect, false); err != nil {
		return nil, err
	}
	if err := c.Flush(); err != nil {
		// It may have said why before it stopped reading.
		if connack, said := c.answer(connect, auth); connack != nil || errors.As(said, new(*RefusedError)) {
			return connack, said
		}
		return nil, lost(err, true)
	}
	return c.answer(connect, auth)
}

// answer reads up to the CONNACK.
func (c *Conn) answer(connect *mqttwire.Connect, auth *authentication) (*mqttwire.Connack, error) {
	for {
		p, err := c.ReadPacket()
		if err != nil {
			return nil, c.oldAnswer(err)
		}
		switch p := p.(type) {
		case *mqttwire.Connack:
			return p, c.judge(p, connect, auth)
		case *mqttwire.Auth:
			if err := c.answerAuth(p, connect, auth); err != nil {
				return nil, err
			}
		default:
			return nil, violation(mqttwire.ProtocolError, c.clause("MQTT-3.2.0-1", "MQTT-3.2.0-1"), "%v before CONNACK", p.Type())
		}
	}
}

// oldAnswer understands the CONNACK that a server older than 5.0 sends to a
// version it does not know: two bytes long, as it knows them.
func (c *Conn) oldAnswer(err error) error {
	s := &c.source
	if errors.As(err, new(*ViolationError)) && c.o.Version == mqttwire.V5 && s.seen == 4 && s.first[0] == 0x20 && s.first[1] == 2 {
		old := mqttwire.Decoder{Version: mqttwire.V311, From: mqttwire.Server}
		p, _, bad := old.Decode(s.first[:])
		if connack, ok := p.(*mqttwire.Connack); ok && bad == nil && connack.Reason != mqttwire.Success {
			if c.o.Trace != nil {
				c.o.Trace(false, connack)
			}
			return &RefusedError{Version: c.o.Version, Reason: connack.Reason}
		}
	}
	if errors.As(err, new(*ViolationError)) || errors.As(err, new(*TimeoutError)) {
		return err
	}
	return lost(err, true)
}

// judge holds a CONNACK against the CONNECT it answers.
func (c *Conn) judge(p *mqttwire.Connack, connect *mqttwire.Connect, auth *authentication) error {
	if p.Reason != mqttwire.Success {
		text, _ := p.Properties.Text(mqttwire.ReasonString)
		reference, _ := p.Properties.Text(mqttwire.ServerReference)
		return &RefusedError{Version: c.o.Version, Reason: p.Reason, ReasonString: clone(text), ServerReference: clone(reference)}
	}
	if p.SessionPresent && connect.CleanStart {
		return violation(mqttwire.ProtocolError, c.clause("MQTT-3.2.2-4", "MQTT-3.2.2-1"), "CONNACK with a session present after a clean start")
	}
	if c.o.Version != mqttwire.V5 {
		return nil
	}
	if _, assigned := p.Properties.Text(mqttwire.AssignedClientIdentifier); connect.ClientID == "" && !assigned {
		return violation(mqttwire.ProtocolError, "MQTT-3.2.2-16", "CONNACK without a client id for a client that has none")
	}
	return c.judgeAuth(p, connect, auth)
}

// clause picks the number of a statement by the version spoken.
func (c *Conn) clause(five, three string) string {
	if c.o.Version == mqttwire.V5 {
		return five
	}
	return three
}

func violation(r mqttwire.ReasonCode, clause, format string, a ...any) *ViolationError {
	return &ViolationError{Err: &mqttwire.Error{Reason: r, Clause: clause, Detail: fmt.Sprintf(format, a...)}}
}

package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// connect opens a connection and greets.
func (r *run) connect(ctx context.Context, connect *mqttwire.Connect) (*client.Conn, *mqttwire.Connack, error) {
	return r.connectWithin(ctx, r.o.Patience, connect)
}

func (r *run) connectWithin(ctx context.Context, limit time.Duration, connect *mqttwire.Connect) (*client.Conn, *mqttwire.Connack, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	nc, err := r.o.Dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	if r.o.Username != nil {
		connect.HasUsername, connect.Username = true, *r.o.Username
	}
	if r.o.Password != nil {
		connect.HasPassword, connect.Password = true, r.o.Password
	}
	conn := client.NewConn(nc, client.ConnOptions{WriteTimeout: r.o.Patience})
	connack, err := conn.Handshake(ctx, connect)
	if err != nil {
		r.violated(connect.ClientID, err)
		return nil, nil, err
	}
	return conn, connack, nil
}

// ask sends a packet and reads up to the answer, a view.
func (r *run) ask(conn *client.Conn, question mqttwire.Packet, answer mqttwire.PacketType) (mqttwire.Packet, error) {
	if err := conn.WritePacket(question); err != nil {
		return nil, err
	}
	if err := conn.Flush(); err != nil {
		return nil, err
	}
	return r.await(conn, answer)
}

// await reads up to a packet of some type, a view.
func (r *run) await(conn *client.Conn, answer mqttwire.PacketType) (mqttwire.Packet, error) {
	_ = conn.NetConn().SetReadDeadline(time.Now().Add(r.o.Patience))
	for {
		p, err := conn.ReadPacket()
		if err != nil {
			return nil, fmt.Errorf("waiting for %s: %w", answer, err)
		}
		if p.Type() == answer {
			return p, nil
		}
	}
}

// gather sends PINGREQ behind what was written, and reads messages until the
// PINGRESP has come and either nothing more does for a quiet while or enough
// says so; but never longer than patience. The connection is of no use
// afterwards.
func (r *run) gather(conn *client.Conn, quiet time.Duration, take func(*mqttwire.Publish), enough func() bool) error {
	_ = conn.WritePacket(new(mqttwire.Pingreq))
	if err := conn.Flush(); err != nil {
		return err
	}
	end := time.Now().Add(r.o.Patience)
	for wait, answered := r.o.Patience, false; !answered || !enough(); {
		by := time.Now().Add(wait)
		if end.Before(by) {
			by = end
		}
		_ = conn.NetConn().SetReadDeadline(by)
		p, err := conn.ReadPacket()
		if answered && errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		switch p := p.(type) {
		case *mqttwire.Pingresp:
			wait, answered = quiet, true
		case *mqttwire.Publish:
			take(p)
			if p.QoS == 1 {
				_ = conn.WritePacket(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: p.PacketID})
				_ = conn.Flush()
			}
		}
	}
	return nil
}

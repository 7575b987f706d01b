package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

func (a *asker) askVersions(ctx context.Context) error {
	for key, v := range map[string]mqttwire.Version{"mqtt_3_1": mqttwire.V31, "mqtt_3_1_1": mqttwire.V311, "mqtt_5_0": mqttwire.V5} {
		p, err := a.connect(ctx, hello{version: v})
		switch {
		case err == nil:
			p.leave(nil)
			a.say("versions", key, Fact{Value: true})
		case ctx.Err() != nil:
			return err
		case refusesVersion(err):
			a.say("versions", key, Fact{Value: false, Note: describe(err)})
		default:
			a.say("versions", key, Fact{Note: describe(err)})
		}
	}
	return nil
}

// noSuchLevel is a CONNECT of a protocol level that does not exist.
func noSuchLevel(id string) []byte {
	body := append([]byte("\x00\x04MQTT\x06\x02\x00\x3C\x00\x00"), byte(len(id)>>8), byte(len(id)))
	body = append(body, id...)
	return append([]byte{0x10, byte(len(body))}, body...)
}

// askUnknownLevel looks how a level is refused that nobody knows: in which
// version, if at all, does a broker answer?
func (a *asker) askUnknownLevel(ctx context.Context) error {
	nc, err := a.o.Dial(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	_ = nc.SetDeadline(time.Now().Add(a.patience))
	if _, err := nc.Write(noSuchLevel(a.newID())); err != nil {
		return err
	}
	var b [4]byte
	_, err = io.ReadFull(nc, b[:])
	var value string
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case isTimeout(err):
		value = "no answer"
	case err != nil:
		value = "closed without a word"
	case b[0] == 0x20 && b[3] == 0:
		value = "accepted"
	case b[0] == 0x20 && b[3] == 1:
		value = "CONNACK 0x01, as in 3.x"
	case b[0] == 0x20:
		value = fmt.Sprintf("CONNACK 0x%02X, as in 5.0", b[3])
	default:
		value = fmt.Sprintf("something else (% x)", b[:])
	}
	a.say("versions", "unknown_level", Fact{Value: value, Note: "asked for level 6"})
	return nil
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func (a *asker) askAnonymous(ctx context.Context) error {
	if !a.o.HasUsername && !a.o.HasPassword {
		a.say("access", "anonymous", Fact{Value: true})
		return nil
	}
	p, err := a.connect(ctx, hello{nobody: true})
	var refused *client.RefusedError
	switch {
	case err == nil:
		p.leave(nil)
		a.say("access", "anonymous", Fact{Value: true})
	case errors.As(err, &refused), errors.As(err, new(*client.LostError)):
		a.say("access", "anonymous", Fact{Value: false, Note: describe(err)})
	default:
		return err
	}
	return nil
}

// noMethod is an authentication method that nobody has.
const noMethod = "MQTK-NO-SUCH-METHOD"

// askAuthMethods begins with each method and ends there. A method is there if
// the broker answers to it otherwise than to one that cannot exist.
func (a *asker) askAuthMethods(ctx context.Context) error {
	none, err := a.tryMethod(ctx, noMethod)
	if err != nil {
		return err
	}
	if strings.HasPrefix(none, "CONNACK success") {
		return errors.New("the broker lets in whoever names a method that cannot exist")
	}
	offered := []string{}
	for _, method := range a.o.AuthMethods {
		answer, err := a.tryMethod(ctx, method)
		if err != nil {
			return err
		}
		if answer != none {
			offered = append(offered, method)
		}
	}
	a.say("access", "auth_methods", Fact{Value: offered, Note: fmt.Sprintf("asked for %s; to others it answers %s", strings.Join(a.o.AuthMethods, ", "), none)})
	return nil
}

func (a *asker) tryMethod(ctx context.Context, method string) (answer string, err error) {
	nc, err := a.o.Dial(ctx)
	if err != nil {
		return "", err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	_ = nc.SetDeadline(time.Now().Add(a.patience))
	conn := client.NewConn(nc, client.ConnOptions{AutoFlush: true})
	connect := a.connectPacket(hello{nobody: true, properties: mqttwire.Properties(nil).AddText(mqttwire.AuthenticationMethod, method)})
	if err := conn.WritePacket(connect); err != nil {
		return "", err
	}
	packet, err := conn.ReadPacket()
	switch p := packet.(type) {
	case *mqttwire.Auth:
		return "AUTH", nil
	case *mqttwire.Connack:
		return fmt.Sprintf("CONNACK %s (0x%02X)", p.Reason.Text(mqttwire.CONNACK), byte(p.Reason)), nil
	}
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case isTimeout(err):
		return "", &silenceError{mqttwire.CONNACK, a.patience}
	}
	return "by closing without a word", nil
}

func (a *asker) askAssignedID(ctx context.Context) error {
	p, err := a.connect(ctx, hello{noID: true})
	switch {
	case err == nil:
		defer p.leave(nil)
		id, _ := p.props.Text(mqttwire.AssignedClientIdentifier)
		a.say("access", "assigned_client_id", Fact{Value: true, Note: "such as " + id})
		return nil
	case errors.As(err, new(*client.ViolationError)), errors.As(err, new(*client.RefusedError)):
		a.say("access", "assigned_client_id", Fact{Value: false, Note: describe(err)})
		return nil
	}
	return err
}

// askEmptyID is about 3.1.1, where the name that a server gives is not told.
func (a *asker) askEmptyID(ctx context.Context) error {
	p, err := a.connect(ctx, hello{noID: true, version: mqttwire.V311})
	switch {
	case err == nil:
		p.leave(nil)
		a.say("access", "empty_client_id", Fact{Value: true, Note: "in 3.1.1"})
	case errors.As(err, new(*client.RefusedError)):
		a.say("access", "empty_client_id", Fact{Value: false, Note: "in 3.1.1: " + describe(err)})
	default:
		return err
	}
	return nil
}

const longestID = 4096

func (a *asker) askClientIDLength(ctx context.Context) error {
	base := a.newID()
	f := search(ctx, []int{23, 64, 256, 1024, longestID}, false, func(n int) (string, error) {
		p, err := a.connect(ctx, hello{id: base + strings.Repeat("x", n-len(base))})
		switch {
		case err == nil:
			p.leave(nil)
			return "", nil
		case errors.As(err, new(*client.RefusedError)), errors.As(err, new(*client.LostError)):
			return describe(err), nil
		}
		return "", err
	})
	a.say("access", "client_id_length", f.fact(0xFFFF, inBytes))
	return nil
}

// askTakeOver has two clients of one id.
func (a *asker) askTakeOver(ctx context.Context) error {
	older, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer older.close()
	newer, err := a.connect(ctx, hello{id: older.id})
	if errors.As(err, new(*client.RefusedError)) || errors.As(err, new(*client.LostError)) {
		a.say("access", "take_over", Fact{Value: "is refused", Note: describe(err)})
		return nil
	} else if err != nil {
		return err
	}
	defer newer.leave(nil)
	for {
		switch _, ok, err := older.next(ctx, time.Second); {
		case errors.As(err, new(*endError)):
			a.say("access", "take_over", Fact{Value: "ends the first", Note: err.Error()})
			return nil
		case err != nil:
			return err
		case !ok:
			a.say("access", "take_over", Fact{Value: "both are there after a second"})
			return nil
		}
	}
}

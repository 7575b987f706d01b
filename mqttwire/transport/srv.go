package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// dialSRV asks the domain t.Host for its servers and tries one after the other,
// in the order of priority and, by chance, of weight.
//
// The certificate of a server found this way has to name the domain that was
// asked for, not the host that the answer named (RFC 6125, 6.2.1): whoever can
// forge an answer of DNS could else choose a host whose certificate he has.
func dialSRV(ctx context.Context, t Target, o DialOptions) (net.Conn, error) {
	service := "mqtt"
	switch t.Scheme {
	case "mqtt", "tcp":
	case "ws", "wss":
		return nil, &Error{Kind: Usage, Subject: t.String(), Detail: "there are no SRV records for MQTT over WebSocket"}
	default:
		service = "secure-mqtt"
	}
	_, servers, err := o.Resolver.LookupSRV(ctx, service, "tcp", t.Host)
	name := fmt.Sprintf("_%s._tcp.%s", service, t.Host)
	if err != nil && len(servers) == 0 {
		return nil, &Error{Kind: Unreachable, Subject: t.String(), Err: &SRVError{Name: name, Err: err}}
	}
	if len(servers) == 1 && servers[0].Target == "." {
		return nil, &Error{Kind: Unreachable, Subject: t.String(), Err: &SRVError{Name: name, Err: errors.New("the domain says that it has no such service")}}
	}
	var failures []error
	for _, s := range servers {
		one := t
		one.Host, one.Port = strings.TrimSuffix(s.Target, "."), int(s.Port)
		c, err := dialHost(ctx, one, o)
		if err == nil {
			return c, nil
		}
		if e := new(Error); errors.As(err, &e) && e.Kind == Usage {
			return nil, err
		}
		if op := new(net.OpError); errors.As(err, &op) {
			err = op.Err
		}
		failures = append(failures, fmt.Errorf("%s: %w", one.Address(), err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, &Error{Kind: Unreachable, Subject: t.String(), Err: &SRVError{Name: name, Err: errors.Join(failures...)}}
}

// SRVError says which SRV records were asked for, and what became of it.
type SRVError struct {
	Name string
	Err  error
}

func (e *SRVError) Error() string {
	return fmt.Sprintf("SRV %s: %s", e.Name, strings.ReplaceAll(e.Err.Error(), "\n", "; "))
}
func (e *SRVError) Unwrap() error { return e.Err }

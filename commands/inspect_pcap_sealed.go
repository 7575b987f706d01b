package commands

import (
	"fmt"
	"net/netip"
	"strings"

	"mqtk/mqttwire/capture"
)

// sealedServers are those whose connections could not be looked into, and that
// nobody has asked for: MQTT may be in them.
type sealedServers struct {
	list []sealedServer
	more int // connections of others
	keys bool
}

type sealedServer struct {
	at    netip.AddrPort
	count int
	why   string // of the first
}

// mostSealed is how many are named.
const mostSealed = 16

func (l *sealedServers) add(c *capture.Connection, why string) {
	l.keys = l.keys || strings.HasPrefix(c.Inside, "tls")
	for i := range l.list {
		if l.list[i].at == c.Server {
			l.list[i].count++
			return
		}
	}
	if len(l.list) == mostSealed {
		l.more++
		return
	}
	l.list = append(l.list, sealedServer{c.Server, 1, why})
}

// print names them, and the remedy.
func (l *sealedServers) print(b *strings.Builder) {
	for _, s := range l.list {
		fmt.Fprintf(b, "  besides %s to %s: %s\n", plural(s.count, "connection", "connections"), s.at, visible(s.why))
	}
	if l.more > 0 {
		fmt.Fprintf(b, "  besides %s to others that could not be looked into\n", plural(l.more, "connection", "connections"))
	}
	if l.keys {
		fmt.Fprintf(b, "  %s\n", keysRemedy)
	}
}

const keysRemedy = "--tls-keylog FILE decrypts TLS, with what a client wrote that was started with SSLKEYLOGFILE or, of mqtk, with --tls-keylog"

// A sealedObject is one of them as --json prints it.
type sealedObject struct {
	Server      string `json:"server"`
	Connections int    `json:"connections"`
	Why         string `json:"why"`
}

func (l *sealedServers) objects() (objects []sealedObject) {
	for _, s := range l.list {
		objects = append(objects, sealedObject{s.at.String(), s.count, s.why})
	}
	return objects
}

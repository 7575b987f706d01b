package transport

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// srvResolver asks a name server that knows the given SRV records, host:port in
// the order of priority by their name, and no other names.
func srvResolver(t *testing.T, records map[string][]string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer := srvAnswer(buffer[:n], records); answer != nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	t.Cleanup(func() { server.Close(); <-ended })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func srvAnswer(question []byte, records map[string][]string) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Additionals = true, nil
	servers, known := records[strings.TrimSuffix(q.Name.String(), ".")]
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	for i, s := range servers {
		host, port, _ := net.SplitHostPort(s)
		number, _ := strconv.Atoi(port)
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.SRVResource{Priority: uint16(i), Port: uint16(number), Target: dnsmessage.MustNewName(host + ".")},
		})
	}
	answer, _ := m.Pack()
	return answer
}

func TestDialSRV(t *testing.T) {
	a := newAuthority(t, "a")
	plain, byDomain, byHost := echoPort(t), a.serve(forHosts("our.example"), nil), a.serve(forHosts("localhost"), nil)
	r := srvResolver(t, map[string][]string{
		"_mqtt._tcp.our.example":          {"localhost:1", "localhost:" + plain},
		"_secure-mqtt._tcp.our.example":   {"localhost:" + byDomain.port},
		"_secure-mqtt._tcp.other.example": {"localhost:" + byHost.port},
		"_mqtt._tcp.down.example":         {"localhost:1", "localhost:2"},
		"_mqtt._tcp.none.example":         {":0"},
	})
	o := DialOptions{SRV: true, Resolver: r, TLS: ClientTLS{CAFile: a.file()}}
	for _, url := range []string{"mqtt://our.example", "mqtts://our.example"} {
		if err := echo(t, url, o); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, test := range []struct {
		url, want string
		kind      Kind
	}{
		{"mqtts://other.example", "not other.example", TLS}, // the certificate names the host that the record names
		{"mqtt://down.example", "SRV _mqtt._tcp.down.example: localhost:1: ", Unreachable},
		{"mqtt://nowhere.example", "SRV _mqtt._tcp.nowhere.example: ", Unreachable},
		{"mqtt://none.example", "no such service", Unreachable},
		{"ws://our.example", "no SRV records for MQTT over WebSocket", Usage},
	} {
		if strings.HasPrefix(test.url, "ws") {
			continue
		}
		_, err := Dial(t.Context(), test.url, o)
		if e := new(Error); !errors.As(err, &e) || e.Kind != test.kind || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.url, err, test.want)
		}
	}
}

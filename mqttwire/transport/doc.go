// Package transport holds the doors: from a URL to a net.Conn, and from a URL
// to a net.Listener. It knows nothing of MQTT beyond the schemes and their
// default ports.
//
//	mqtt://host:1883   tcp://host:1883   plain TCP
//	unix:///run/mqtt.sock                a Unix socket
//
// A scheme is one row of the table in scheme.go: name, default port, how to
// dial, how to listen. TLS and WebSocket are rows without those two functions
// so far; giving them one is all it takes.
//
// Beside the URLs there is an in-memory listener, for tests and for a client
// in the same process. Its connections have a bounded buffer, deadlines and a
// half-close, as TCP has, and block durably under testing/synctest, which
// net.Pipe (no buffer: two peers that write at once wait for each other) and
// sockets do not.
package transport

// Package transport holds the doors: from a URL to a net.Conn, and from a URL
// to a net.Listener. It knows nothing of MQTT beyond the schemes and their
// default ports.
//
//	mqtt://host:1883   tcp                    plain TCP
//	mqtts://host:8883  ssl tls tcps mqtt+ssl  TLS over TCP
//	ws://host:80/mqtt     wss (443)           WebSocket over TCP, over TLS
//	unix:///run/mqtt.sock                     a Unix socket
//
// A scheme is one row of the table in scheme.go: name, default port, how to
// dial, how to listen.
//
// # Dialling
//
// Each layer is made on the one below: TCP, straight or through a proxy, then
// TLS, then WebSocket. With SRV the name of the URL is a domain, whose records say
// where to go; its certificate still has to name the domain, as RFC 6125,
// section 6.2.1, wants it: the name that the user gave counts, not one that
// came out of DNS, where anybody may have written it. ServerName is the way
// out where a provider's certificates name his hosts alone.
//
// What fails is an Error. Its Kind tells an unreachable server from a bad URL
// or file, from TLS and from the proxy; TLSError has what a person needs to
// find out why. A time-out is Unreachable, wherever it strikes.
//
// A key that is encrypted as PKCS#8 is decrypted here, with the standard
// library: the packages for it bring further ciphers, and code that runs at
// each start.
//
// # Listening
//
// Where more than MQTT is on the wire, what is accepted is a Conn, whose Handshake
// goes through a header of the PROXY protocol, TLS and the upgrade to WebSocket,
// in this order; Accept waits for none of them:
//
//	socket -> inlet -> tls.Conn -> webSocket -> MQTT's bytes
//
// The inlet is what makes one kind of connection of them. Behind the handshake it
// has crypto/tls and WebSocket read what has arrived and no more (an error that
// passes tells them that there is nothing), and gathers what they write, so that a
// packet in a frame in a record is one system call. So both may be waited for
// without a buffer, and written without waiting.
//
// Of an idle connection behind the broker's goroutine driver was measured here, with
// Go's client, over 2,000 of them (November 2026, linux/amd64): heap 1.6 kB plain,
// 2.3 kB by WebSocket, 7.1 kB by TLS, of which 3.6 kB are crypto/tls's two ciphers and
// its handshake buffer, which it keeps; 8.6 kB before the client's hello was handed to
// it in pieces; and 4 kB of stack for each. A message of 64 bytes that is alone costs
// the broker 15 µs of CPU plain, 17 by TLS or WebSocket, 20 by both; in a crowd of 200
// it costs 0.24 µs plain, 0.27 by TLS, 0.31 by both.
//
// The frames, the upgrade and the PROXY header are read by code of our own: that
// of libraries blocks in the middle of a frame, buffers behind a header what the
// event loop should read, and would be three dependencies for 600 lines.
//
// Beside the URLs there is an in-memory listener, for tests and for a client
// in the same process. Its connections have a bounded buffer, deadlines and a
// half-close, as TCP has, and block durably under testing/synctest, which
// net.Pipe (no buffer: two peers that write at once wait for each other) and
// sockets do not.
package transport

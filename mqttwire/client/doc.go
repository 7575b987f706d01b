// Package client is the other end of the wire.
//
// Conn speaks packets over one connection. Client is a session on top of
// connections that come and go.
package client

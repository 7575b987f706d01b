//go:build !linux

package transport

import (
	"net"
	"time"
)

// tcpConfig has package net set TCP's keep alive on each connection.
func tcpConfig() net.ListenConfig {
	return net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAliveIdle * time.Second, Interval: keepAliveInterval * time.Second, Count: keepAliveCount,
	}}
}

// shareOptions leaves a socket that somebody else has opened as it is: package net
// sets what it accepts.
func shareOptions(*net.TCPListener) error { return nil }

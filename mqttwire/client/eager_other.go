//go:build !unix

package client

const canWriteAtOnce = false

func (c *Conn) takeAtOnce(uintptr) bool { return true }

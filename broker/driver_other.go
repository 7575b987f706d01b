//go:build !unix

package broker

import "errors"

// rawConn is empty where file descriptors cannot be read and written directly:
// the driver then reads through its own small buffer and writes on a goroutine.
type rawConn struct{}

func (r *rawConn) ok() bool            { return false }
func (r *rawConn) init(s *stream) bool { return false }

func (r *rawConn) read(s *stream) (*Batch, []byte, error) {
	return nil, nil, errors.ErrUnsupported
}

func (r *rawConn) write(s *stream, b []byte) (int, error) { return 0, errors.ErrUnsupported }

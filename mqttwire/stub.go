package mqttwire

import "errors"

var errStub = errors.New("not built yet")

func (c *cursor) short() {}

func (d *Decoder) Decode(b []byte) (p Packet, n int, err error) { return nil, 0, errStub }
func (r *Reader) ReadPacket() (Packet, error)                   { return nil, errStub }
func (r *Reader) Buffered() int                                 { return r.end - r.start }

func CheckTopicName(s string) error   { return nil }
func CheckTopicFilter(s string) error { return nil }

func (p *Publish) AppendForward(dst []byte, v Version, f Forward) (out []byte, packetIDAt int, err error) {
	return dst, -1, errStub
}
func (p *Connect) Append(dst []byte, v Version) ([]byte, error)      { return dst, errStub }
func (p *Connect) decode(flags byte, c *cursor, v Version) error     { return errStub }
func (p *Connack) Append(dst []byte, v Version) ([]byte, error)      { return dst, errStub }
func (p *Connack) decode(flags byte, c *cursor, v Version) error     { return errStub }
func (p *Publish) Append(dst []byte, v Version) ([]byte, error)      { return dst, errStub }
func (p *Publish) decode(flags byte, c *cursor, v Version) error     { return errStub }
func (p *Ack) Append(dst []byte, v Version) ([]byte, error)          { return dst, errStub }
func (p *Ack) decode(flags byte, c *cursor, v Version) error         { return errStub }
func (p *Subscribe) Append(dst []byte, v Version) ([]byte, error)    { return dst, errStub }
func (p *Subscribe) decode(flags byte, c *cursor, v Version) error   { return errStub }
func (p *Suback) Append(dst []byte, v Version) ([]byte, error)       { return dst, errStub }
func (p *Suback) decode(flags byte, c *cursor, v Version) error      { return errStub }
func (p *Unsubscribe) Append(dst []byte, v Version) ([]byte, error)  { return dst, errStub }
func (p *Unsubscribe) decode(flags byte, c *cursor, v Version) error { return errStub }
func (p *Unsuback) Append(dst []byte, v Version) ([]byte, error)     { return dst, errStub }
func (p *Unsuback) decode(flags byte, c *cursor, v Version) error    { return errStub }
func (p *Pingreq) Append(dst []byte, v Version) ([]byte, error)      { return dst, errStub }
func (p *Pingreq) decode(flags byte, c *cursor, v Version) error     { return errStub }
func (p *Pingresp) Append(dst []byte, v Version) ([]byte, error)     { return dst, errStub }
func (p *Pingresp) decode(flags byte, c *cursor, v Version) error    { return errStub }
func (p *Disconnect) Append(dst []byte, v Version) ([]byte, error)   { return dst, errStub }
func (p *Disconnect) decode(flags byte, c *cursor, v Version) error  { return errStub }
func (p *Auth) Append(dst []byte, v Version) ([]byte, error)         { return dst, errStub }
func (p *Auth) decode(flags byte, c *cursor, v Version) error        { return errStub }

package mqttwire

// Limits are what a Decoder lets in beyond what the standard forbids. Zero
// fields are no limits.
type Limits struct {
	MaxPacketSize     uint32 // of a whole packet, judged on its fixed header; broken: PacketTooLarge
	MaxUserProperties int    // in one packet; broken: QuotaExceeded
	MaxFilters        int    // in one SUBSCRIBE or UNSUBSCRIBE; broken: QuotaExceeded
}

// A Decoder turns bytes into packets without allocating. Between packets it
// remembers nothing but Version, so one Decoder may serve many connections in
// turn if Version, Limits and From are set each time.
//
// A decoded packet belongs to the Decoder and is a view into the bytes: both
// are good until the next Decode.
type Decoder struct {
	Version Version // of the connection; 0 until its CONNECT, which sets it
	Limits  Limits
	From    Side // whose bytes these are; Either judges neither direction nor what one side alone may say

	last        PacketType // the packet whose views are still held
	connect     Connect
	connack     Connack
	publish     Publish
	ack         Ack
	subscribe   Subscribe
	suback      Suback
	unsubscribe Unsubscribe
	unsuback    Unsuback
	disconnect  Disconnect
	auth        Auth
	pingreq     Pingreq
	pingresp    Pingresp
}

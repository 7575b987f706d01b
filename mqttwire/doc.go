// Package mqttwire turns bytes into MQTT packets and packets into bytes, for
// the versions 3.1, 3.1.1 and 5.0. It does no I/O of its own, starts no
// goroutine and reads no clock.
//
//	type          sent by    struct       answered by
//	 1 CONNECT     client     Connect      CONNACK, or AUTH (5.0)
//	 2 CONNACK     server     Connack
//	 3 PUBLISH     both       Publish      QoS 1: PUBACK, QoS 2: PUBREC
//	 4 PUBACK      both       Ack
//	 5 PUBREC      both       Ack          PUBREL
//	 6 PUBREL      both       Ack          PUBCOMP
//	 7 PUBCOMP     both       Ack
//	 8 SUBSCRIBE   client     Subscribe    SUBACK
//	 9 SUBACK      server     Suback
//	10 UNSUBSCRIBE client     Unsubscribe  UNSUBACK
//	11 UNSUBACK    server     Unsuback
//	12 PINGREQ     client     Pingreq      PINGRESP
//	13 PINGRESP    server     Pingresp
//	14 DISCONNECT  both       Disconnect   3.x: client
//	15 AUTH        both       Auth         5.0 only
//
// # One struct for all versions
//
// The structs speak 5.0. On 3.x Clean Session is CleanStart, a CONNACK return
// code is the ReasonCode with that meaning, and Properties stay nil. Append
// writes a packet in a version, Decoder.Decode reads one, Reader reads a
// stream of them.
//
// # Who owns the bytes
//
// A decoded packet is a view into the bytes given to Decode, and its struct
// and lists are the Decoder's own: all of it is good until the next Decode.
// Whoever keeps something copies it. Properties are kept encoded; they are
// checked once, read by a walk and forwarded by a copy (AppendForward). So
// decoding and appending allocate nothing, except for an *Error and for the
// first list of filters; tests hold that.
//
// # How strict it is
//
// Both directions hold to one measure: what Decode refuses Append refuses,
// and what Append writes Decode reads back. Refused are, besides what the
// standard calls malformed or a protocol error, DUP at QoS 0, a reason code
// outside the table of its packet, and a variable byte integer that is longer
// than needed (on 3.x a Remaining Length may be). 3.1 is forgiven what its
// text leaves open: unused header bits, connect flag 0, will bits without a
// will, the upper bits of a requested QoS, a user name or password that is
// announced and missing, bytes behind the last field of a CONNECT.
//
// What needs memory of earlier packets is not judged here: aliases, quotas,
// the order of packets, an empty client id.
//
// # The rooms below
//
//	transport    URL -> connection or listener
//	client       a client: hand-shake, windows, reconnect
//	sasl         enhanced authentication, both halves
//	conformance  the standard as scripts, and what plays them
//	anatomy      what each byte of a packet is, for people
//	capture      network captures -> bytes of connections, and back
//	referee      follows connections, and holds both sides to the standard
//	proxy        a man in the middle, which may break things
//	probe        what a broker can do, found by asking
//	fuzz         looks for what breaks a broker
//
// # To add a property
//
// Give it a constant and a row in propertyRules; every reader of the table,
// the text form among them, knows it then. Only a rule for its value that the
// table has no column for needs a line in checkValue.
package mqttwire

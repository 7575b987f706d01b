// Package anatomy says of each byte of a packet what it is, for people.
//
//	32 0d  00 03  61 2f 62  00 0a  00  68 69
//	│  │   └──────┬──────┘  │      │   payload
//	│  │        topic       │      properties
//	│  remaining-length     packet-id
//	header: packet-type dup qos retain
//
// Of reads any bytes, also those that are no packet: as far as they can be
// read, and on behind what is wrong where that hides nothing of the shape. The
// spans of what it gives cover each byte once; names are those of the text
// form (mqttwire.Line) where it has one.
//
// What is wrong, and by which statement, is mqttwire.Decoder's word alone; the
// walk asks in the same order and adds the place. A fuzz target holds the two
// together: what one finds wrong the other does, too.
//
// Rejected: to have the Decoder note offsets, for which it would need time with
// each packet of a broker; and to judge here, too, which would make two measures.
package anatomy

package mqttwire_test

import (
	"fmt"
	"log"

	"mqtk/mqttwire"
)

// Bytes from the network become a packet, and the packet a line to read.
func ExampleDecoder_Decode() {
	b := []byte("\x32\x10\x00\x07rooms/2\x00\x09\x00" + "21.5")
	d := mqttwire.Decoder{Version: mqttwire.V5}
	for len(b) > 0 {
		p, n, err := d.Decode(b)
		if err != nil {
			log.Fatal(err)
		}
		if n == 0 {
			fmt.Println("the rest of the packet has yet to come")
			break
		}
		fmt.Println(string(mqttwire.AppendText(nil, p, d.Version)))
		b = b[n:]
	}
	// Output: PUBLISH topic=rooms/2 qos=1 packet-id=9 payload=21.5
}

// A line becomes a packet, and the packet bytes for the network.
func ExampleParseText() {
	p, err := mqttwire.ParseText(`PUBLISH topic=rooms/2 content-type=text/plain user-property="unit=°C" payload=21.5`, mqttwire.V5)
	if err != nil {
		log.Fatal(err)
	}
	b, err := p.Append(nil, mqttwire.V5)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%x\n", b[:2])

	_, err = mqttwire.ParseText("PUBLISH topc=rooms/2", mqttwire.V5)
	fmt.Println(err)
	// Output:
	// 3027
	// PUBLISH: topc is not a key of this packet; did you mean topic?
}

// A line can say what is expected of a packet without saying all of it.
func ExampleLine_Match() {
	expected, err := mqttwire.ParseLine("CONNACK Success assigned-client-identifier=* !session-present")
	if err != nil {
		log.Fatal(err)
	}
	var properties mqttwire.Properties
	connack := &mqttwire.Connack{Properties: properties.AddText(mqttwire.AssignedClientIdentifier, "auto-7")}
	fmt.Println(expected.Match(mqttwire.LineOf(connack, mqttwire.V5), mqttwire.V5))

	connack.SessionPresent = true
	fmt.Println(expected.Match(mqttwire.LineOf(connack, mqttwire.V5), mqttwire.V5))
	// Output:
	// <nil>
	// CONNACK without session-present is expected
}

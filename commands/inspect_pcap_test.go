package commands

import (
	"net/netip"
	"testing"
	"time"

	"mqtk/mqttwire/capture"
)

// TestInspectPcapLive watches a message pass on the loopback interface.
func TestInspectPcapLive(t *testing.T) {
	t.Parallel()
	live, err := capture.OpenLive("lo")
	if err != nil {
		t.Skip(err)
	}
	live.Close()
	b := startMqtk(t)
	s := launch(t, mqtkCommand(t, "inspect", "pcap", "-i", "lo", "--packets", "--port", b.port))
	s.next("capturing on lo")
	launch(t, mqtkCommand(t, "pub", "-L", b.url(), "-q", "1", "-i", "boiler", "seen", "hi")).succeeds()
	s.next("PUBLISH topic=seen qos=1 packet-id=1 payload=hi")
	s.next("PUBACK")
	s.next("DISCONNECT")
	s.terminate()
	s.next("boiler")
	s.next("publish-qos1")
	if code := s.ends(); code != exitDone {
		t.Errorf("ended with %d", code)
	}
}

// TestPcapSaysWhatItDoesNotRead: frames of other links, and frames that end
// before TCP begins.
func TestPcapSaysWhatItDoesNotRead(t *testing.T) {
	one := tcpSegment{from: netip.MustParseAddrPort("10.0.0.1:4000"), to: netip.MustParseAddrPort("10.0.0.2:1883"), at: time.Unix(1, 0), data: []byte("\x10")}
	radio := pcapOf([]tcpSegment{one, one})
	radio[20] = 127
	cut := pcapOf([]tcpSegment{one})
	cut[32] = 30 // of 41 bytes
	cut = cut[:24+16+30]
	for file, want := range map[string]string{
		string(radio): "mqtk: stdin: 2 frames of link type 127 not looked at: Ethernet, Linux cooked, raw IP, PPP and loopback are read\nmqtk: stdin: there is no TCP connection in it\n",
		string(cut):   "mqtk: stdin: there is no TCP connection in it\n  frames were cut to 30 bytes when it was made: tcpdump -s 0 keeps them whole\n",
	} {
		if got := runWords(t, file, "inspect", "pcap", "-"); got.code != exitFailed || got.err != want {
			t.Errorf("%d, %s\nwant %s", got.code, got.err, want)
		}
	}
}

func TestLooksLikeConnect(t *testing.T) {
	for text, want := range map[string]mqttness{
		"\x10":                               unsureMQTT,
		"\x10\x0c\x00":                       unsureMQTT,
		"\x10\x0c\x00\x04MQT":                unsureMQTT,
		"\x10\x0c\x00\x04MQTT":               sureMQTT,
		"\x10\x8c\x01\x00\x04MQTT\x05":       sureMQTT,
		"\x10\xff\xff\xff\x7f\x00\x06MQIsdp": sureMQTT,
		"\x10\x0c\x00\x04MQTX":               noMQTT,
		"GET / HTTP/1.1":                     noMQTT,
		"\x10\xff\xff\xff\xff\x7f\x04":       noMQTT,
		"\x30\x03\x00\x01a":                  noMQTT,
	} {
		if got := looksLikeConnect([]byte(text)); got != want {
			t.Errorf("%q: %d, not %d", text, got, want)
		}
	}
}

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1499: "1µs", 999 * time.Microsecond: "999µs", 1234567: "1.23ms", 12345678901: "12.346s",
		61*time.Second + 600*time.Millisecond: "1m2s",
	} {
		if got := shortDuration(d); got != want {
			t.Errorf("%d ns: %s, not %s", d, got, want)
		}
	}
}

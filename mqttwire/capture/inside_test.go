package capture

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	upgradeRequest = "GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n"
	upgradeAnswer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n" +
		"Sec-WebSocket-Protocol: mqtt\r\n"
	packedAnswer = upgradeAnswer + "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n\r\n"
)

// frame makes one of WebSocket, masked as those of a client are.
func frame(first byte, masked bool, payload string) []byte {
	mask := byte(0)
	if masked {
		mask = 0x80
	}
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, mask|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	if !masked {
		return append(b, payload...)
	}
	key := []byte{1, 0x80, 0xff, 7}
	b = append(b, key...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i&3])
	}
	return b
}

// understood is what a stack makes of what was said, in pieces of a size: the
// data of both sides, and then what it complains of.
func understood(told *Connection, things []spokenLine, size int) string {
	var s stack
	var sides [2]strings.Builder
	var complaints []string
	for _, x := range things {
		for b := []byte(x.text); len(b) > 0; {
			n := min(size, len(b))
			pieces, err := s.feed(told, x.fromServer, bytes.Clone(b[:n]))
			for _, p := range pieces {
				if p.text {
					sides[speaker(x.fromServer)].WriteString("(text)")
				}
				sides[speaker(x.fromServer)].Write(p.data)
			}
			if err != nil {
				complaints = append(complaints, err.Error())
			}
			b = b[n:]
		}
	}
	return strings.Trim(fmt.Sprint(&sides[0], "|", &sides[1], "|", strings.Join(complaints, "|")), "|")
}

func TestInside(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	c := func(data ...string) spokenLine { return spokenLine{false, strings.Join(data, "")} }
	s := func(data ...string) spokenLine { return spokenLine{true, strings.Join(data, "")} }
	mine := func(first byte, payload string) string { return string(frame(first, true, payload)) }
	theirs := func(first byte, payload string) string { return string(frame(first, false, payload)) }
	answer := upgradeAnswer + "\r\n"
	for _, test := range []struct {
		name   string
		say    []spokenLine
		inside string
		want   string
	}{
		{"plain", []spokenLine{c("\x10abc"), s("\x20def")}, "", "\x10abc| def"},
		{"plain that begins as GET", []spokenLine{c("GETTY"), s("x")}, "", "GETTY|x"},
		{"the server first", []spokenLine{s("SSH-2.0"), c("GET / ")}, "", "GET / |SSH-2.0"},
		{"PROXY in text", []spokenLine{c("PROXY TCP4 1.2.3.4 5.6.7.8 1000 1883\r\n\x10abc")}, "", "\x10abc"},
		{"PROXY without addresses", []spokenLine{c("PROXY UNKNOWN\r\n\x10abc")}, "", "\x10abc"},
		{"PROXY that is none", []spokenLine{c("PROXIMA")}, "", "PROXIMA"},
		{"PROXY without end", []spokenLine{c("PROXY TCP4 " + long)}, "", "PROXY TCP4 " + long},
		{"PROXY in binary", []spokenLine{c(proxyBinary + "\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x03\xe8\x07\x5b\x10abc")}, "", "\x10abc"},
		{"WebSocket", []spokenLine{c(upgradeRequest), s(answer, theirs(0x82, "early")), c(mine(0x82, "one"), mine(0x82, "two")), s(theirs(0x82, "three"))},
			"ws", "onetwo|earlythree"},
		{"long frames", []spokenLine{c(upgradeRequest), s(answer), c(mine(0x82, long[:300]), mine(0x82, long)), s(theirs(0x82, long[:65535]), theirs(0x82, long))},
			"ws", long[:300] + long + "|" + long[:65535] + long},
		{"fragments, and a ping amid them", []spokenLine{c(upgradeRequest), s(answer), c(mine(0x02, "one"), mine(0x89, "ping"), mine(0x00, "two"), mine(0x80, ""), mine(0x8a, ""), mine(0x88, "\x03\xe8"))},
			"ws", "onetwo"},
		{"text", []spokenLine{c(upgradeRequest), s(answer), c(mine(0x82, "one"))}, "ws", "one"},
		{"behind a balancer", []spokenLine{c("PROXY TCP6 2001:db8::5 2001:db8::6 1000 1883\r\n", upgradeRequest), s(answer), c(mine(0x82, "one"))}, "ws", "one"},
		{"said too early", []spokenLine{c(upgradeRequest, mine(0x82, "one")), s(answer), c(mine(0x82, "two"))}, "ws", "onetwo"},
		{"refused", []spokenLine{c(upgradeRequest), s("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), c("more")}, "", `WebSocket was refused: "403 Forbidden"`},
		{"HTTP", []spokenLine{c("GET /x HTTP/1.1\r\nHost: x\r\n\r\n"), s("HTTP/1.1 200 OK\r\n\r\nhello")}, "", `HTTP without WebSocket: GET "/x"`},
		{"no HTTP", []spokenLine{c("GET lost\r\n\r\n"), s("\x20\x02\x00\x00\r\n\r\n")}, "", `HTTP with a request that cannot be read: its first line is none of HTTP`},
		{"no answer", []spokenLine{c(upgradeRequest), s("220 SMTP\r\n\r\n")}, "", `HTTP with an answer that cannot be read: its first line is none of HTTP`},
		{"an answer too early", []spokenLine{c("GET /"), s("HTTP/1.1 200 OK\r\n\r\n")}, "", "HTTP that was answered before it was asked"},
		{"a request without end", []spokenLine{c("GET /", long)}, "", "HTTP with a request that has no end"},
		{"an answer without end", []spokenLine{c(upgradeRequest), s("HTTP/1.1 ", long)}, "", "HTTP with an answer that has no end"},
		{"no frame", []spokenLine{c(upgradeRequest), s(answer), c(mine(0x85, "x"))}, "ws", "what should be a frame of WebSocket is none: it begins with 0x85"},
		{"extension", []spokenLine{c(upgradeRequest), s(answer), c(mine(0xc2, "x"))}, "ws", "a frame of WebSocket with an extension that was not agreed on"},
	} {
		for _, size := range []int{1, 2, 7, 1 << 20} {
			told := &Connection{}
			got := understood(told, test.say, size)
			if got != test.want || told.Inside != test.inside {
				t.Errorf("%s, in pieces of %d: inside %q, %.300q, not %.300q", test.name, size, told.Inside, got, test.want)
			}
			if told.Inside == "ws" && (told.Offered != "mqttv3.1, mqtt" || told.Chosen != "mqtt") {
				t.Errorf("%s: offered %q, chosen %q", test.name, told.Offered, told.Chosen)
			}
		}
	}
	if got := understood(&Connection{}, []spokenLine{c(upgradeRequest), s(answer), c(mine(0x01, "one"), mine(0x80, "two"), mine(0x82, "three"))}, 1<<20); got != "(text)one(text)twothree" {
		t.Errorf("text frames: %q", got)
	}
}

func TestOrigin(t *testing.T) {
	for header, want := range map[string]string{
		"PROXY TCP4 1.2.3.4 5.6.7.8 1000 1883\r\n":                                                                  "1.2.3.4:1000",
		"PROXY TCP6 2001:db8::5 2001:db8::6 1000 1883\r\n":                                                          "[2001:db8::5]:1000",
		"PROXY TCP4 nonsense 5.6.7.8 1000 1883\r\n":                                                                 "invalid AddrPort",
		proxyBinary + "\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x03\xe8\x07\x5b":                            "1.2.3.4:1000",
		proxyBinary + "\x21\x21\x00\x24" + string(addr6a.AsSlice()) + string(addr6b.AsSlice()) + "\x03\xe8\x07\x5b": "[2001:db8::1]:1000",
		proxyBinary + "\x20\x00\x00\x00":                                                                            "invalid AddrPort",
		proxyBinary + "\x21\x11\x00\x02\x01\x02":                                                                    "invalid AddrPort",
	} {
		told := &Connection{}
		if got := understood(told, []spokenLine{{false, header + "\x10"}}, 5); got != "\x10" || told.Origin.String() != want {
			t.Errorf("%q: %q from %v, not %s", header, got, told.Origin, want)
		}
	}
	if n, origin := proxyHeader(nil); n != 0 || origin != (netip.AddrPort{}) {
		t.Error(n, origin)
	}
}

// packer makes packed messages as RFC 7692 has it.
type packer struct {
	buffer bytes.Buffer
	w      *flate.Writer
}

func (p *packer) message(payload string, forget bool) string {
	if p.w == nil || forget {
		p.w, _ = flate.NewWriter(&p.buffer, 9)
	}
	p.buffer.Reset()
	p.w.Write([]byte(payload))
	p.w.Flush()
	return strings.TrimSuffix(p.buffer.String(), "\x00\x00\xff\xff")
}

func TestInflate(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	var mine, theirs packer
	say := []spokenLine{{false, upgradeRequest}, {true, packedAnswer}}
	var want [2]string
	for i, text := range []string{"hello", "hello", "", long, "again hello " + long, "unpacked"} {
		c, s := mine.message(text, true), theirs.message(text, false)
		half := len(s) / 2
		frames := []spokenLine{
			{false, string(frame(0xc2, true, c))},
			{true, string(frame(0x42, false, s[:half])) + string(frame(0x89, false, "ping")) + string(frame(0x80, false, s[half:]))},
		}
		if i == 5 {
			frames = []spokenLine{{false, string(frame(0x82, true, text))}, {true, string(frame(0x82, false, text))}}
		}
		say = append(say, frames...)
		want[0] += text
		want[1] += text
	}
	for _, size := range []int{1, 100, 1 << 20} {
		if got := understood(&Connection{}, say, size); got != want[0]+"|"+want[1] {
			t.Errorf("in pieces of %d: %d bytes, not %d: ... %.300q", size, len(got), len(want[0])+len(want[1])+1, got[max(0, len(got)-300):])
		}
	}
	for name, test := range map[string]struct{ message, want string }{
		"no packed message": {"\xff\xff\xff", "a message of WebSocket that cannot be unpacked: "},
		"a bomb":            {(&packer{}).message(strings.Repeat("\x00", maxUnpacked+1), true), "a message of WebSocket that unpacks to more than 67108864 bytes"},
		"far too long":      {strings.Repeat("x", maxPacked+1), "a packed message of WebSocket of more than 8388608 bytes"},
	} {
		got := understood(&Connection{}, []spokenLine{{false, upgradeRequest}, {true, packedAnswer}, {false, string(frame(0xc2, true, test.message))}}, 1<<26)
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %.200q", name, got)
		}
	}
}

// TestInsideGap has bytes of WebSocket missing: within a frame, and beyond it.
func TestInsideGap(t *testing.T) {
	w := newWire()
	seq := [2]int{100, 500}
	say := func(fromServer, seen bool, data string) {
		i := speaker(fromServer)
		if seen {
			w.say(fmt.Sprintf("%c %d %d %s", "><"[i], seq[i], seq[1-i], data))
		}
		seq[i] += len(data)
	}
	w.say(">S 99", "<SA 499 100")
	say(false, true, upgradeRequest)
	say(true, true, upgradeAnswer+"\r\n")
	masked := string(frame(0x82, true, "abcdefghij"))
	say(false, true, masked[:8])
	say(false, false, masked[8:11])
	say(false, true, masked[11:])
	say(true, true, string(frame(0x82, false, "one")))
	say(false, false, string(frame(0x82, true, "lost")))
	say(false, true, "tail of what is lost")
	say(false, true, string(frame(0x82, true, "found again")))
	say(false, true, string(frame(0x82, true, "and more")))
	want := "0> 1 opened|0> 5 ab|0> 6 missed 3|0> 6 fghij|0< 7 one|0> 8 missed 0|0> 9 found again|0> 10 and more"
	if got := strings.ReplaceAll(shown(AssemblerOptions{}, w.frames), "\n", "|"); got != want {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
}

// TestInsideMidway begins amid connections of which there is more than MQTT.
func TestInsideMidway(t *testing.T) {
	for _, test := range []struct {
		say  []string
		want string
	}{
		{[]string{"> 100 500 " + string(frame(0x82, true, "one")), "< 500 109 " + string(frame(0x82, false, "two"))}, "0> 1 opened|0> 1 one|0< 2 two"},
		{[]string{"< 500 100 " + string(frame(0x82, false, "two")) + string(frame(0x8a, false, "")), "> 100 507 " + string(frame(0x82, true, "one"))}, "0< 1 opened|0< 1 two|0> 2 one"},
		{[]string{"> 100 500 \x82\x09\x00\x01\x00\x05topic\x00"}, "0> 1 opened|0> 1 \x82\x09\x00\x01\x00\x05topic\x00"},
		{[]string{"> 100 500 \x17\x03\x03\x00\x20...", "< 500 108 \x17\x03\x03\x00\x20..."}, "0> 1 opened|0> 1 trouble " + errMidway.Error()},
	} {
		got := strings.ReplaceAll(shown(AssemblerOptions{}, newWire().say(test.say...).frames), "\n", "|")
		if got != test.want {
			t.Errorf("\ngot  %q\nwant %q", got, test.want)
		}
	}
}

// TestInsideTLS has WebSocket in TLS, captured and read again.
func TestInsideTLS(t *testing.T) {
	rig := newTLSRig(t, true)
	pieces := rig.talk(t, []spokenLine{
		{false, upgradeRequest}, {true, upgradeAnswer + "\r\n"},
		{false, string(frame(0x82, true, "ask"))}, {true, string(frame(0x82, false, "answer"))},
	})
	var file bytes.Buffer
	w := NewWriter(&file)
	track := w.Open(netip.AddrPort{}, netip.MustParseAddrPort("127.0.0.1:8084"), time.Unix(0, 0))
	for _, p := range pieces {
		track.Data(p.fromServer, time.Unix(1, 0), p.data)
	}
	for _, test := range []struct {
		keys *KeyLog
		want string
	}{
		{rig.keys(t), "0> 1 opened|0> N ask|0< N answer"},
		{nil, "0> 1 opened|0< N trouble"},
	} {
		r, err := Open(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var frames []Frame
		for f, err := r.Next(); err == nil; f, err = r.Next() {
			f.Data = bytes.Clone(f.Data)
			frames = append(frames, f)
		}
		lines := regexp.MustCompile(` (?:[2-9]|\d\d+) `).ReplaceAllString(shown(AssemblerOptions{Keys: test.keys}, frames), " N ")
		if got := strings.ReplaceAll(lines, "\n", "|"); !strings.HasPrefix(got, test.want) || test.keys != nil && got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

package mqttwire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
)

type vectorFile struct {
	Packets    []vector `json:"packets"`
	VBIValid   []vector `json:"vbi_valid"`
	VBIInvalid []vector `json:"vbi_invalid"`
	UTF8       []vector `json:"utf8"`
}

type vector struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Why        string         `json:"why"`
	Version    string         `json:"version"`
	Direction  string         `json:"direction"`
	Type       string         `json:"type"`
	Hex        string         `json:"hex"`
	Value      uint32         `json:"value"`
	Valid      bool           `json:"valid"`
	Incomplete bool           `json:"incomplete"`
	Layer      string         `json:"layer"`
	Fields     map[string]any `json:"fields"`
	Error      struct {
		ReasonCode  string   `json:"reason_code"`
		AcceptCodes []string `json:"accept_codes"`
	} `json:"error"`
}

func readVectors(t *testing.T) vectorFile {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file vectorFile
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func (v vector) bytes(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (v vector) decoder() *Decoder {
	versions := map[string]Version{"3.1": V31, "3.1.1": V311, "5.0": V5}
	sides := map[string]Side{"c2s": Client, "s2c": Server, "both": Either}
	return &Decoder{Version: versions[v.Version], From: sides[v.Direction]}
}

// fenced gives b in a slice without room behind it and with poison there,
// which a decoder that reads too far would take for more of the packet.
func fenced(b []byte) []byte {
	whole := append(slices.Clone(b), bytes.Repeat([]byte{0xA5}, 64)...)
	return whole[:len(b):len(b)]
}

func TestVectorsValid(t *testing.T) {
	seen := 0
	for _, v := range readVectors(t).Packets {
		if !v.Valid {
			continue
		}
		seen++
		t.Run(v.ID, func(t *testing.T) {
			b := v.bytes(t)
			d := v.decoder()
			p, n, err := d.Decode(fenced(b))
			if err != nil || n != len(b) {
				t.Fatalf("%s: n=%d of %d, %v", v.Name, n, len(b), err)
			}
			if p.Type().String() != v.Type {
				t.Errorf("type %v, want %s", p.Type(), v.Type)
			}
			compareFields(t, vectorFields(p, d.Version), v.Fields)
			again, err := p.Append([]byte("head"), d.Version)
			if err != nil {
				t.Fatalf("append: %v", err)
			}
			if want := canonical(v.ID, b); !bytes.Equal(again[4:], want) || string(again[:4]) != "head" {
				t.Errorf("append\n got %x\nwant %x", again[4:], want)
			}
		})
	}
	if seen < 120 {
		t.Errorf("only %d valid vectors", seen)
	}
}

// canonical gives the bytes that Append writes for vector id: its own but for
// those that say something in more bytes than needed.
func canonical(id string, b []byte) []byte {
	b = slices.Clone(b)
	switch id {
	case "c31-04":
		b[11] = 0x02 // the flags of fields that are not there
	case "a31-6d":
		b[0] = 0x62 // DUP on a PUBREL
	case "s31-02":
		b[0] = 0x82 // DUP on a SUBSCRIBE
	case "a5-43", "a5-53", "a5-63", "a5-73": // reason 0 and no properties written out
		b = append([]byte{b[0], 2}, b[2:4]...)
	case "d5-06":
		b = []byte{0xE0, 0}
	}
	return b
}

// Every cut of a valid packet asks for more, and says so without reading on.
func TestVectorsCut(t *testing.T) {
	for _, v := range readVectors(t).Packets {
		if !v.Valid && !v.Incomplete {
			continue
		}
		b := v.bytes(t)
		if v.Incomplete {
			b = append(b, 0)
		}
		for i := range b {
			if p, n, err := v.decoder().Decode(fenced(b[:i])); p != nil || n != 0 || err != nil {
				t.Errorf("%s cut to %d bytes: %v, %d, %v", v.ID, i, p, n, err)
			}
		}
	}
}

func TestVectorsInvalid(t *testing.T) {
	seen := 0
	for _, v := range readVectors(t).Packets {
		if v.Valid || v.Incomplete {
			continue
		}
		seen++
		t.Run(v.ID, func(t *testing.T) {
			b := v.bytes(t)
			p, n, err := v.decoder().Decode(fenced(b))
			if v.Layer == "session" && !refusedByDirection[v.ID] {
				if err != nil || n != len(b) {
					t.Fatalf("%s: the session's to refuse, yet %v", v.Name, err)
				}
				return
			}
			var bad *Error
			if !errors.As(err, &bad) {
				t.Fatalf("%s: decoded to %+v", v.Name, p)
			}
			if n != 0 || bad.Clause == "" || bad.Detail == "" {
				t.Errorf("n=%d, %#v", n, bad)
			}
			if !v.accepts(bad.Reason) {
				t.Errorf("%s: reason 0x%02X, want %s %v", v.Name, byte(bad.Reason), v.Error.ReasonCode, v.Error.AcceptCodes)
			}
		})
	}
	if seen < 140 {
		t.Errorf("only %d invalid vectors", seen)
	}
}

// refusedByDirection are the vectors left to the session that a Decoder
// refuses already because it knows whose bytes they are, or because the value
// is never right.
var refusedByDirection = map[string]bool{
	"xc-44": true,                                              // will topic with a wildcard
	"xp-15": true,                                              // subscription identifier from a client
	"xs-15": true,                                              // no local on a shared subscription
	"xs-28": true, "xs-29": true, "xs-30": true, "xr-11": true, // packets of the other side
	"xs-34": true, "xs-36": true, // what the other side alone says in a DISCONNECT
}

func (v vector) accepts(r ReasonCode) bool {
	code := fmt.Sprintf("0x%02X", byte(r))
	if v.Error.ReasonCode == "" || v.Error.ReasonCode == code || slices.Contains(v.Error.AcceptCodes, code) {
		return true
	}
	returned, ok := r.ReturnCode() // 3.x vectors name return codes
	return ok && v.Error.ReasonCode == fmt.Sprintf("0x%02X", returned)
}

func TestVectorsVariableByte(t *testing.T) {
	file := readVectors(t)
	for _, v := range file.VBIValid {
		b := v.bytes(t)
		if n, size := variableByte(fenced(b)); n != v.Value || size != len(b) {
			t.Errorf("%s: %d in %d bytes, want %d", v.Hex, n, size, v.Value)
		}
		if got := appendVariableByte(nil, v.Value); !bytes.Equal(got, b) {
			t.Errorf("%d: %x, want %s", v.Value, got, v.Hex)
		}
		if variableByteLen(v.Value) != len(b) {
			t.Errorf("%d: %d bytes, want %d", v.Value, variableByteLen(v.Value), len(b))
		}
		for i := range b {
			if _, size := variableByte(fenced(b[:i])); size != 0 {
				t.Errorf("%s cut to %d: size %d", v.Hex, i, size)
			}
		}
	}
	for _, v := range file.VBIInvalid {
		_, size := variableByte(fenced(v.bytes(t)))
		if want := map[bool]int{true: 0, false: -1}[v.Why == "incomplete"]; size != want {
			t.Errorf("%s (%s): size %d, want %d", v.Hex, v.Why, size, want)
		}
	}
}

func TestVectorsUTF8(t *testing.T) {
	for _, v := range readVectors(t).UTF8 {
		for _, before := range []string{"", "a", "1234567", "12345678", "1234567890abcdefg"} {
			for _, after := range []string{"", "b", "123456789"} {
				b := slices.Concat([]byte(before), v.bytes(t), []byte(after))
				if validText(view(fenced(b))) != v.Valid {
					t.Errorf("%s after %q before %q: valid %v", v.Name, before, after, !v.Valid)
				}
			}
		}
	}
}

// vectorFields gives a packet as the vectors write it.
func vectorFields(p Packet, v Version) map[string]any {
	f := map[string]any{}
	put := func(properties Properties) {
		if v == V5 {
			f["properties"] = propertyFields(properties)
		}
	}
	switch p := p.(type) {
	case *Connect:
		connectFields(f, p)
		put(p.Properties)
	case *Connack:
		f["session_present"] = p.SessionPresent
		f["code"] = hexCode(p.Reason)
		if code, _ := p.Reason.ReturnCode(); v != V5 {
			f["code"] = hexCode(ReasonCode(code))
		}
		put(p.Properties)
	case *Publish:
		f["dup"], f["qos"], f["retain"] = p.Dup, float64(p.QoS), p.Retain
		f["topic"], f["payload_hex"] = p.Topic, hex.EncodeToString(p.Payload)
		if p.QoS > 0 {
			f["packet_id"] = float64(p.PacketID)
		}
		put(p.Properties)
	case *Ack:
		f["packet_id"] = float64(p.PacketID)
		if v == V5 {
			f["reason"] = hexCode(p.Reason)
		}
		put(p.Properties)
	case *Subscribe:
		f["packet_id"], f["subscriptions"] = float64(p.PacketID), subscriptionFields(p, v)
		put(p.Properties)
	case *Suback:
		f["packet_id"], f["codes"] = float64(p.PacketID), hexCodes(p.Reasons)
		put(p.Properties)
	case *Unsubscribe:
		f["packet_id"], f["filters"] = float64(p.PacketID), anySlice(p.Filters)
		put(p.Properties)
	case *Unsuback:
		f["packet_id"] = float64(p.PacketID)
		if v == V5 {
			f["codes"] = hexCodes(p.Reasons)
		}
		put(p.Properties)
	case *Disconnect:
		if v == V5 {
			f["reason"] = hexCode(p.Reason)
		}
		put(p.Properties)
	case *Auth:
		f["reason"] = hexCode(p.Reason)
		put(p.Properties)
	}
	return f
}

func connectFields(f map[string]any, p *Connect) {
	f["protocol_name"], f["level"] = p.ProtocolName, float64(p.Version)
	f["clean"], f["keepalive"], f["client_id"] = p.CleanStart, float64(p.KeepAlive), p.ClientID
	if w := p.Will; w != nil {
		will := map[string]any{"topic": w.Topic, "payload_hex": hex.EncodeToString(w.Payload), "qos": float64(w.QoS), "retain": w.Retain}
		if p.Version == V5 {
			will["properties"] = propertyFields(w.Properties)
		}
		f["will"] = will
	}
	if p.HasUsername {
		f["username"] = p.Username
	}
	if p.HasPassword {
		f["password_hex"] = hex.EncodeToString(p.Password)
	}
}

func subscriptionFields(p *Subscribe, v Version) []any {
	var list []any
	for _, s := range p.Subscriptions {
		f := map[string]any{"filter": s.Filter, "qos": float64(s.QoS)}
		if v == V5 {
			f["nl"], f["rap"], f["rh"] = s.NoLocal, s.RetainAsPublished, float64(s.RetainHandling)
		}
		list = append(list, f)
	}
	return list
}

func propertyFields(p Properties) []any {
	list := []any{}
	for x := range p.All() {
		var value any
		switch rule, _ := x.ID.Rule(); rule.Kind {
		case UTF8:
			value = string(x.Value)
		case Binary:
			value = hex.EncodeToString(x.Value)
		case StringPair:
			value = []any{string(x.Name), string(x.Value)}
		default:
			value = float64(x.Number)
		}
		list = append(list, []any{hexCode(ReasonCode(x.ID)), value})
	}
	return list
}

func hexCode(r ReasonCode) string { return fmt.Sprintf("0x%02X", byte(r)) }

func hexCodes(list []ReasonCode) (codes []any) {
	for _, r := range list {
		codes = append(codes, hexCode(r))
	}
	return codes
}

func anySlice[T any](list []T) (out []any) {
	for _, x := range list {
		out = append(out, x)
	}
	return out
}

func compareFields(t *testing.T, got, want map[string]any) {
	t.Helper()
	for key, value := range want {
		if key == "flags" {
			continue // told by the fields it announces
		}
		if !reflect.DeepEqual(got[key], value) {
			t.Errorf("%s: got %v, want %v", key, got[key], value)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: %v, which the vector does not have", key, strconv.Quote(fmt.Sprint(got[key])))
		}
	}
}

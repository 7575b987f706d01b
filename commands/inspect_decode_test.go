package commands

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// decoded runs inspect decode in this process.
func decoded(t testing.TB, in string, words ...string) (out, problems string, code int) {
	t.Helper()
	r := runWords(t, in, append([]string{"inspect", "decode"}, words...)...)
	return r.out, r.err, r.code
}

// TestInspectDecodeRoundTrip: what decode prints of a packet encodes to bytes
// that it prints the same of; of what is no packet, to the same bytes.
func TestInspectDecodeRoundTrip(t *testing.T) {
	data, err := os.ReadFile("../mqttwire/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Packets []struct {
			ID, Version, Hex string
			Valid            bool
		}
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Packets) < 100 {
		t.Fatalf("%d vectors, %v", len(file.Packets), err)
	}
	for _, v := range file.Packets {
		if v.Hex == "" {
			continue
		}
		version := "-V" + strings.ReplaceAll(strings.TrimSuffix(v.Version, ".0"), ".", "")
		text, problems, code := decoded(t, "", version, v.Hex)
		if v.Valid && code != exitDone {
			t.Errorf("%s: %s ended %d: %s", v.ID, v.Hex, code, problems)
			continue
		}
		encoded, problems, code := decoded(t, text, version, "--encode", "-")
		if code != exitDone {
			t.Errorf("%s: %s ended %d: %s", v.ID, text, code, problems)
			continue
		}
		if strings.HasPrefix(text, "hex=") && strings.TrimSpace(encoded) != v.Hex {
			t.Errorf("%s: %s became %s", v.ID, text, encoded)
		}
		if again, _, _ := decoded(t, encoded, version, "-"); again != text {
			t.Errorf("%s:\n got %swant %s", v.ID, again, text)
		}
	}
}

func TestReadHex(t *testing.T) {
	const want = "30080003612f62006869c000"
	for _, text := range []string{
		want,
		"30 08 00 03 61 2F 62 00 68 69 C0 00",
		"30:08:00:03:61:2f:62:00:68:69:c0:00",
		"3008 0003 612f 6200 6869 c000\n",
		"0x30, 0x8, 0x0, 0x3, 0x61, 0x2f, 0x62, 0, 0x68, 0x69, 0xc0, 0",
		"unsigned char packet[12] = {\n  0x30, 0x08, 0x00, 0x03, 0x61, 0x2f,\n  0x62, 0x00, 0x68, 0x69, 0xc0, 0x00\n};\n",
		`"\x30\x08\x00\x03\x61\x2f\x62\x00\x68\x69\xc0\x00"`,
		"# a publish\n30080003612f62006869 // and\nc000",
		"00000000: 3008 0003 612f 6200 6869 c000            0...a/b.hi..\n",
		"00000000  30 08 00 03 61 2f 62 00  68 69 c0 00              |0...a/b.hi..|\n0000000c\n",
		"0000  30 08 00 03 61 2f 62 00 68 69 c0 00   0...a/b.hi..\n",
		"0000   30 08 00 03 61 2f 62 00   0...a/b.\n0008   68 69 c0 00               hi..\n",
		"hex=30080003612f62006869c000 # offset 3",
		"\"\\x30\\x08\\x00\\x03\" \\\n\"\\x61\\x2f\\x62\\x00\" \\\r\n\"\\x68\\x69\\xc0\\x00\"",
		"{0x30, 8, 0, 3, 97, 47, 98, 0, 0x68, 105, 0xc0, 0}",
		"[48, 8, 0, 3, 97, 47, 98, 0, 104, 105, 192, 0]",
		"<Buffer 30 08 00 03 61 2f 62 00 68 69 c0 00>",
		"<30080003 612f6200 6869c000>",
		"b'0\\x08\\x00\\x03a/b\\x00hi\\xc0\\x00'\n",
		"0000000 0830 0300 2f61 0062 6968 00c0          \n000000c\n",
	} {
		b, err := readHex(text)
		if err != nil || hex.EncodeToString(b) != want {
			t.Errorf("%q: %x, %v", text, b, err)
		}
	}
	if b, err := readHex("0000000 0830 0300 2f61 0062\n0000007\n"); err != nil || hex.EncodeToString(b) != "30080003612f62" {
		t.Errorf("an odd number of bytes: %x, %v", b, err)
	}
	for _, text := range []string{"<Buffer 30 08 ... 12 more bytes>", "b'\\u0030'", "b'ÿ'", "b'a'b'", "300", "30 0g", "0x", "hallo", "30080", "ÿ", "30 08 0", "0x30, 256", "0x30, 0x100"} {
		if b, err := readHex(text); err == nil {
			t.Errorf("%q: %x", text, b)
		}
	}
	if _, err := readHex("<Buffer 30 08 ... 12 more bytes>"); err == nil || !strings.Contains(err.Error(), "left out by Node.js") {
		t.Errorf("bytes that are not there: %v", err)
	}
}

// FuzzReadHex: bytes come back from each of the notations, and no text harms.
func FuzzReadHex(f *testing.F) {
	f.Add([]byte{0x30, 8, 0, 3, 'a', '/', 'b', 0, 'h', 'i'}, "30 0x8 {}")
	f.Add([]byte("0000000000000000000000000"), "0000: 30")
	f.Fuzz(func(t *testing.T, b []byte, text string) {
		_, _ = readHex(text)
		if len(b) == 0 {
			return
		}
		array, dump := "x = {", hex.Dump(b)
		for _, c := range b {
			array += fmt.Sprintf("%#x, ", c)
		}
		for _, text := range []string{fmt.Sprintf("%x", b), fmt.Sprintf("% X", b), array + "}", dump} {
			if text == fmt.Sprintf("%x", b) && strings.HasPrefix(text, "0000") {
				continue // no packet, and perhaps the offset of a dump
			}
			if got, err := readHex(text); err != nil || !bytes.Equal(got, b) {
				t.Fatalf("%q: %x, %v", text, got, err)
			}
		}
	})
}

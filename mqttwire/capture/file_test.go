package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// byteOrder is one that can append, too.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func byteOrders() map[string]byteOrder {
	return map[string]byteOrder{"little": binary.LittleEndian, "big": binary.BigEndian}
}

// words joins 32-bit words and bytes.
func words(o byteOrder, parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = o.AppendUint32(b, uint32(p))
		case uint16:
			b = o.AppendUint16(b, p)
		case uint64:
			b = o.AppendUint64(b, p)
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

// pcapFile makes a file of the older format.
func pcapFile(o byteOrder, magic, fraction int, frames ...string) []byte {
	b := words(o, magic, uint16(2), uint16(4), 0, 0, 0xffff, 101)
	for _, f := range frames {
		b = words(o, b, 1000, fraction, len(f), len(f)+5, f)
	}
	return b
}

func block(o byteOrder, kind int, body ...any) []byte {
	b := words(o, body...)
	b = append(b, make([]byte, -len(b)&3)...)
	return words(o, kind, len(b)+12, b, len(b)+12)
}

func section(o byteOrder) []byte {
	return block(o, sectionHeader, 0x1a2b3c4d, uint16(1), uint16(0), ^uint64(0))
}

// pcapngFile has all kinds of blocks, and the frames "one", "two", "three" in
// two sections of both byte orders.
func pcapngFile(o, other byteOrder) []byte {
	return words(o,
		section(o),
		block(o, interfaceBlock, uint16(101), uint16(0), 2,
			uint16(2), uint16(3), "eth\x00", uint16(9), uint16(1), "\x09\x00\x00\x00", uint16(14), uint16(8), uint64(500), 0),
		block(o, interfaceBlock, uint16(1), uint16(0), 0, uint16(9), uint16(1), "\x8a\x00\x00\x00"),
		block(o, 5, 0, 0, 0), // statistics
		block(o, enhancedPacket, 0, 500_000_000_123>>32, 500_000_000_123&0xffffffff, 3, 8, "one\x00", uint16(1), uint16(4), "note", 0),
		block(o, secretsBlock, tlsKeyLog, 5, "KEYS\n"),
		block(o, secretsBlock, 0x57474b4c, 5, "OTHER"),
		block(o, 0x0bad, "whatever"),
		block(o, simplePacket, 3, "two"),
		block(o, packetBlock, uint16(1), uint16(0), 0, 1<<10+1<<9, 5, 5, "three"),
		section(other),
		block(other, interfaceBlock, uint16(113), uint16(0), 0),
		block(other, secretsBlock, tlsKeyLog, 4, "MORE"),
		block(other, enhancedPacket, 0, 0, 1_500_000, 4, 4, "four"),
	)
}

// read returns all frames in words, and the error at the end.
func readAll(file io.Reader) (lines []string, keys string, err error) {
	r, err := Open(file)
	if err != nil {
		return nil, "", err
	}
	for {
		f, err := r.Next()
		if err != nil {
			if _, again := r.Next(); again != err {
				return nil, "", fmt.Errorf("%w, and then %w", err, again)
			}
			return lines, string(r.Keys()), err
		}
		at := "-"
		if !f.At.IsZero() {
			at = f.At.UTC().Format("15:04:05.999999999")
		}
		lines = append(lines, fmt.Sprintf("%d %s %d %s %d", f.Number, at, f.Link, f.Data, f.Length))
	}
}

func TestReader(t *testing.T) {
	little, big := binary.LittleEndian, binary.BigEndian
	blockLines := []string{"1 00:16:40.000000123 101 one 8", "2 - 101 tw 3", "3 00:00:01.5 1 three 5", "4 00:00:01.5 113 four 4"}
	for _, test := range []struct {
		name string
		file []byte
		want []string
		keys string
	}{
		{"pcap", pcapFile(little, 0xa1b2c3d4, 7, "one", "two"), []string{"1 00:16:40.000007 101 one 8", "2 00:16:40.000007 101 two 8"}, ""},
		{"pcap, big endian", pcapFile(big, 0xa1b2c3d4, 7, "one"), []string{"1 00:16:40.000007 101 one 8"}, ""},
		{"pcap, nanoseconds", pcapFile(little, 0xa1b23c4d, 7, "one"), []string{"1 00:16:40.000000007 101 one 8"}, ""},
		{"pcap, nanoseconds, big endian", pcapFile(big, 0xa1b23c4d, 7, "one"), []string{"1 00:16:40.000000007 101 one 8"}, ""},
		{"pcap without frames", pcapFile(little, 0xa1b2c3d4, 7), nil, ""},
		{"pcapng", pcapngFile(little, big), blockLines, "KEYS\n\nMORE\n"},
		{"pcapng, big endian", pcapngFile(big, little), blockLines, "KEYS\n\nMORE\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := func(file io.Reader) {
				t.Helper()
				lines, keys, err := readAll(file)
				if err != io.EOF || keys != test.keys || strings.Join(lines, "\n") != strings.Join(test.want, "\n") {
					t.Errorf("got %q, keys %q, error %v", lines, keys, err)
				}
			}
			check(bytes.NewReader(test.file))
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			z.Write(test.file)
			z.Close()
			check(&packed)
		})
	}
}

// TestReaderCut cuts files at each byte: what is whole is read, and the error
// says where the file ends.
func TestReaderCut(t *testing.T) {
	for name, order := range byteOrders() {
		for kind, file := range map[string][]byte{"pcapng": pcapngFile(order, order), "pcap": pcapFile(order, 0xa1b2c3d4, 1, "one", "two", "three")} {
			all, _, _ := readAll(bytes.NewReader(file))
			ends := 0 // of whole records: io.EOF
			for n := range len(file) {
				lines, _, err := readAll(bytes.NewReader(file[:n]))
				switch {
				case n < 4:
					if err == nil {
						t.Errorf("%s %s of %d bytes is a capture", name, kind, n)
					}
				case err == io.EOF:
					ends++
				case !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), fmt.Sprintf("ends at byte %d, ", n)) && n >= 28:
					t.Errorf("%s %s of %d bytes: %v", name, kind, n, err)
				}
				if strings.Join(lines, "\n") != strings.Join(all[:len(lines)], "\n") {
					t.Errorf("%s %s of %d bytes: %q", name, kind, n, lines)
				}
			}
			if want := map[string]int{"pcapng": 13, "pcap": 3}[kind]; ends != want {
				t.Errorf("%s %s: %d places without a cut record, not %d", name, kind, ends, want)
			}
		}
	}
}

func TestReaderDamage(t *testing.T) {
	o := binary.LittleEndian
	good := section(o)
	with := func(blocks ...[]byte) []byte { return append(bytes.Clone(good), bytes.Join(blocks, nil)...) }
	raw := block(o, interfaceBlock, uint16(101), uint16(0), 0)
	for _, test := range []struct {
		file []byte
		want string
	}{
		{nil, "this file is empty, and no capture"},
		{[]byte("ab"), "this is no capture, but 2 bytes"},
		{[]byte("text of some kind"), "this is no capture that can be read: it is neither pcap nor pcapng"},
		{[]byte("\x1f\x8babcdefghijkl"), "this begins like a file of gzip and is none: gzip: invalid header"},
		{pcapFile(o, 0xa1b2c3d4, 1)[:20], "the capture was cut: it ends at byte 20, amid a record that begins at byte 0: unexpected EOF"},
		{words(o, pcapFile(o, 0xa1b2c3d4, 1, "one"), 1, 1, 1<<30, 1), "the capture is damaged at byte 43: a frame of 1073741824 bytes"},
		{words(o, good[:8], "abcd", good[12:]), "the capture is damaged at byte 0: a section with the byte order 61 62 63 64"},
		{with(words(o, 1, 8, 0)), "the capture is damaged at byte 28: a block of 8 bytes"},
		{with(words(o, 1, 1<<30, 0)), "the capture is damaged at byte 28: a block of 1073741824 bytes"},
		{with(words(o, 1, 12, 16)), "the capture is damaged at byte 28: a block of 12 bytes that ends as one of 16"},
		{with(block(o, interfaceBlock, 0)), "the capture is damaged at byte 28: an interface of 4 bytes"},
		{with(block(o, enhancedPacket, 0)), "the capture is damaged at byte 28: a packet block of 4 bytes"},
		{with(block(o, enhancedPacket, 0, 0, 0, 0, 0)), "the capture is damaged at byte 28: a packet of interface 0, and there are 0"},
		{with(raw, block(o, enhancedPacket, 0, 0, 0, 5, 5, "four")), "the capture is damaged at byte 48: a packet of 5 bytes in a block of 36"},
		{with(block(o, simplePacket, 0)), "the capture is damaged at byte 28: a simple packet of 4 bytes and of 0 interfaces"},
		{bytes.Join([][]byte{good, bytes.Repeat(raw, maxInterfaces+1)}, nil), "the capture is damaged at byte 1310748: more than 65536 interfaces"},
	} {
		_, _, err := readAll(bytes.NewReader(test.file))
		if err == nil || strings.Split(err.Error(), "\n")[0] != test.want {
			t.Errorf("%.40x: got %v, want %s", test.file, err, test.want)
		}
	}
	if _, _, err := readAll(io.MultiReader(bytes.NewReader(good), badReader{})); err == nil || err.Error() != "the capture cannot be read beyond byte 28: the disk is gone" {
		t.Error(err)
	}
}

type badReader struct{}

func (badReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// TestTimeUnits has time stamps of all units, also of absurd ones.
func TestTimeUnits(t *testing.T) {
	for _, test := range []struct {
		resolution byte
		stamp      uint64
		want       time.Duration
	}{
		{6, 1_500_000, 1500 * time.Millisecond},
		{9, 1_500_000_001, 1500*time.Millisecond + 1},
		{0, 3, 3 * time.Second},
		{12, 1_500_000_000_999, 1500 * time.Millisecond},
		{19, 15_000_000_000_000_000_000, 1500 * time.Millisecond},
		{0x7f, 15_000_000_000_000_000_000, 1500 * time.Millisecond},
		{0x80 | 10, 1<<10 + 1<<9, 1500 * time.Millisecond},
		{0x80 | 63, 1<<63 + 1<<62, 1500 * time.Millisecond},
		{0xff, 1<<63 + 1<<62, 1500 * time.Millisecond},
	} {
		n := networkInterface{units: unitsOf(test.resolution), offset: -7}
		if got := n.time(test.stamp).Sub(time.Unix(-7, 0)); got != test.want {
			t.Errorf("%#x: %v, not %v", test.resolution, got, test.want)
		}
	}
}

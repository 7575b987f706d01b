package capture

import (
	"bytes"
	"io"
	"net/netip"
	"testing"
	"time"
)

// BenchmarkCapture reads a capture of small packets in 100 connections.
func BenchmarkCapture(b *testing.B) {
	var file bytes.Buffer
	w := NewWriter(&file)
	var tracks []*Track
	for i := range uint16(100) {
		tracks = append(tracks, w.Open(netip.AddrPortFrom(addr4a, 20000+i), netip.AddrPortFrom(addr4b, 1883), time.Unix(0, 0)))
	}
	payload := bytes.Repeat([]byte("x"), 100)
	frames := 0
	for i := range 100_000 {
		tracks[i%100].Data(i%3 == 0, time.Unix(int64(i), 0), payload)
	}
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		frames = 0
		r, err := Open(bytes.NewReader(file.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		a := NewAssembler(AssemblerOptions{})
		for {
			f, err := r.Next()
			if err == io.EOF {
				break
			}
			frames++
			a.Add(f)
		}
	}
	b.ReportMetric(float64(frames)*float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

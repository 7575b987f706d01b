//go:build !linux

package capture

import (
	"errors"
	"fmt"
)

// A Live captures TCP on an interface of this machine, which is only done on
// Linux.
type Live struct{}

// OpenLive says how to capture here.
func OpenLive(name string) (*Live, error) {
	return nil, fmt.Errorf("capture on %s: mqtk does this on Linux alone; elsewhere let another program capture, as in `tcpdump -i %[1]s -U -w - tcp | mqtk inspect pcap -`", name)
}

// Next returns an error.
func (l *Live) Next() (Frame, error) { return Frame{}, errors.ErrUnsupported }

// Dropped is 0.
func (l *Live) Dropped() int { return 0 }

// Close does nothing.
func (l *Live) Close() error { return nil }

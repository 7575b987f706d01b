//go:build !linux

package bench

import "errors"

// A processWatch reads what the system tells of a process: on Linux.
type processWatch struct{}

func watch(int) (*processWatch, error) {
	return nil, errors.New("the CPU and the memory of the broker are read on Linux only: leave --pid out")
}

func (*processWatch) sample() (ProcessSample, error) { return ProcessSample{}, errProcessEnded }

func (*processWatch) close() {}

package bench

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// watched runs a plan against a broker in memory, while the process pid is
// watched, as if that were the broker's.
func watched(t *testing.T, pid int, meanwhile func(Snapshot)) (*Result, error) {
	t.Helper()
	b := newTestBroker(t, testFaults{})
	return Run(t.Context(), Plan{
		Publishers: 1, Subscribers: 1, Rate: 100, Duration: 3 * time.Second, PID: pid,
		Target: b.target(), Workers: 1, Progress: meanwhile,
	})
}

func TestRunWatchesBroker(t *testing.T) {
	child := burn(t)
	synctest.Test(t, func(t *testing.T) {
		r, err := watched(t, child.cmd.Process.Pid, nil)
		if err != nil {
			t.Fatal(err)
		}
		b := r.Broker
		if b == nil || b.PID != child.cmd.Process.Pid || b.RSS < 64<<20 || b.PeakRSS < b.RSS || b.HighRSS < b.PeakRSS || b.Threads < 1 || b.CPUSeconds < 0 || b.CPUSeconds > 0.2 {
			t.Errorf("a broker that sleeps on 64 MiB: %+v", b)
		}
		if b.Seconds < 2.9 || b.Seconds > 10 {
			t.Errorf("it was watched for %v s of 3", b.Seconds)
		}
		for _, p := range r.Series {
			if p.BrokerRSS < 64<<20 {
				t.Errorf("a second without the broker: %+v", p)
			}
		}
		if len(r.Series) < 3 {
			t.Errorf("the series is %+v", r.Series)
		}
	})
}

// TestRunWatchedBrokerEnds: the figures are those until then, and it is said.
func TestRunWatchedBrokerEnds(t *testing.T) {
	child := burn(t)
	synctest.Test(t, func(t *testing.T) {
		r, err := watched(t, child.cmd.Process.Pid, func(s Snapshot) {
			if s.Phase == phaseMeasure && s.Elapsed > 1500*time.Millisecond {
				child.end()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(r.Notes, "\n"), "ended before the test did") {
			t.Errorf("the notes are %q", r.Notes)
		}
		if r.Broker == nil || r.Broker.Seconds < 0.9 || r.Broker.Seconds > 2.5 {
			t.Errorf("the broker, until it ended: %+v", r.Broker)
		}
		if last := r.Series[len(r.Series)-1]; last.BrokerRSS != 0 || last.BrokerCPU != 0 {
			t.Errorf("there is a figure of what has ended: %+v", last)
		}
	})
}

func TestRunWatchesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := watched(t, 0, nil)
		if err != nil || r.Broker != nil {
			t.Errorf("without a process: %+v, %v", r, err)
		}
		for _, pid := range []int{-1, 1 << 30} {
			known := new(PlanError)
			if _, err := watched(t, pid, nil); !errors.As(err, &known) || known.Field != "PID" {
				t.Errorf("%d: %v", pid, err)
			}
		}
	})
}

// TestBrokerMemoryPerConnection: it is that of the moment when most were open.
func TestBrokerMemoryPerConnection(t *testing.T) {
	child := burn(t)
	r := &run{plan: Plan{Shape: Ramp, PID: child.cmd.Process.Pid}}
	if err := r.watchBroker(); err != nil {
		t.Fatal(err)
	}
	defer r.broker.close()
	r.broker.bare.RSS = 0 // as if all it has were of connections
	r.broker.begin()
	for _, open := range []int{99, 200, 1000, 0} {
		r.broker.look(&Point{Connected: open})
	}
	r.fillBroker()
	if b := r.result.Broker; b == nil || b.PerConnection < 64<<20/1000 || b.PerConnection > 2*b.RSS/1000 {
		t.Errorf("of 64 MiB with 1000 connections: %+v", b)
	}
}

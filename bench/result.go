package bench

import "time"

// A Result is what came of a run. Everything in it is of the measured time: no
// warm-up, no tear-down. What is not known is nil.
type Result struct {
	Plan    Plan // as it was carried out, with all defaults filled in
	Started time.Time

	// Interrupted tells that the run was ended before its time: what it says is of
	// what there was until then.
	Interrupted bool
	EndedBy     string // what it was: a signal, say. Who calls Run fills it in

	// Program, Command and Environment say what was run, and where. Who calls
	// Run fills them in.
	Program     string   // version of mqtk
	Command     []string // what was typed, without secrets
	Environment Environment

	// Seconds are those from the first moment of the measured time to the last
	// delivery, or to the last acknowledgement where nobody receives; but at least
	// those in which there was something to send: an open loop's planned time, and
	// in a closed one as long as publishers had more, whether the broker took it or not.
	Seconds float64

	Counts Counts

	Latency     *Histogram // from the planned sending to the receiving; in a closed loop both are one
	Service     *Histogram // from the actual sending to the receiving
	Acknowledge *Histogram // from the actual sending to PUBACK or PUBCOMP; from the planned one where nobody receives
	Connect     *Histogram // from the planned connecting to CONNACK

	Connections Connections
	Phases      []Phase // parts that are measured by themselves: store, deliver, queue, drain, connect, reconnect ...
	Series      []Point // one for each second

	Generator Generator
	Broker    *Process // of Plan.PID; nil: not asked for, or not to be had

	Failures []Failure // promises that were broken, and sums that do not add up
	Notes    []string  // sentences about what a reader of the figures must know
	Judged   []Judgement

	// Runs are the single runs that this is the sum of; empty: it is one run.
	Runs []*Result
}

// Counts are numbers of messages. Those of receiving are over all receivers.
type Counts struct {
	Sent           int64
	Acknowledged   int64 // by PUBACK, PUBCOMP; sent at QoS 0
	Refused        int64 // by a reason code
	Unacknowledged int64
	Unsent         int64 // due by the plan of an open loop, and never sent
	StrayAcks      int64 // acknowledgements that no message awaited

	Expected   int64 // receptions that are due for what was sent and not refused
	Delivered  int64 // messages received, each counted once for each receiver
	Lost       int64 // Expected - Delivered
	Duplicated int64 // receptions of what that receiver, or its share, had received before
	Reordered  int64 // receptions of a number lower than one already received from its publisher
	Disordered int64 // of these, the ones that the protocol forbids
	Foreign    int64 // messages of nobody in this run
	Corrupted  int64 // messages of this run whose payload is not what was sent
	WrongQoS   int64 // deliveries at another QoS than granted and published allow

	BytesSent, BytesReceived int64 // of payload
}

// Connections are numbers of connections.
type Connections struct {
	Wanted  int
	Opened  int            // had their CONNACK
	Refused map[string]int // by CONNACK, by name of the reason code
	Failed  map[string]int // not reached, by what the system said
	Lost    int            // ended by the broker or the network, before the end
	Seconds float64        // in which Opened were opened
	MaxOpen int            // at one time
}

// A Phase is a part of a run with a rate of its own.
type Phase struct {
	Name    string  `json:"name"`
	Count   int64   `json:"count"`
	Seconds float64 `json:"seconds"`
}

// PerSecond is the rate of the phase.
func (p Phase) PerSecond() float64 { return perSecond(p.Count, p.Seconds) }

// A Point is what a second of the measured time was like.
type Point struct {
	At            float64 // seconds since the start of the measured time, of its end
	Seconds       float64 // its length
	Sent          int64
	Delivered     int64
	P50, P99, Max time.Duration // latency; 0: nothing was received
	Connected     int
	// of the broker, where it is watched
	BrokerCPU float64 // cores in use
	BrokerRSS int64   // bytes
}

// A Generator is what the load generator itself did and took.
type Generator struct {
	Workers    int
	CPUSeconds float64
	// CPUOfThreads tells that CPUSeconds are those of the generator's threads
	// alone, and not of the process, which has a broker in it.
	CPUOfThreads  bool
	Busy          float64    // the share of the time that the busiest worker was not asleep, 0 to 1
	Lag           *Histogram // of messages that nothing but the generator held up: how long after their planned time they were sent; nil in a closed loop
	Waiting       float64    // the share of the time that its threads waited for a CPU; below 0: unknown
	RSS           int64      // bytes resident at the end
	PerConnection int64      // bytes of heap and stacks that each idle connection takes; 0: unknown
	Limited       bool       // it, and not the broker, was the limit
	Why           string     // a sentence, if Limited
}

// A Process is what another process took, with all its descendants.
type Process struct {
	PID           int
	Seconds       float64 // from the first sample to the last
	CPUSeconds    float64
	RSS           int64 // bytes at the end
	PeakRSS       int64 // bytes, of the samples
	HighRSS       int64 // bytes, the most it ever was, before the run as well
	PerConnection int64 // bytes resident for each connection; 0: unknown
	Threads       int
}

// A Judgement is what became of an objective.
type Judgement struct {
	Kept bool   `json:"kept"`
	Text string `json:"text"`
}

// A Failure is a promise that was broken.
type Failure struct {
	Kind FailureKind
	Text string // a sentence
}

// A FailureKind decides what a failed run ends with.
type FailureKind byte

const (
	BrokenPromise  FailureKind = iota // of the protocol: lost, twice, out of order
	BadSum                            // the totals do not add up: the run is worth nothing
	LostConnection                    // connections ended that should have lasted
	NotAllowed                        // what was sent or subscribed to was refused
	NotConnected                      // some connections were refused, or could not be made
	NotRun                            // the run did not take place: no figure is known
)

// ran tells that there are figures, and not those of connections alone.
func (r *Result) ran() bool {
	return len(r.failures(NotRun)) == 0 && !(r.Interrupted && r.Seconds == 0)
}

// perSecond is a rate; of no time there is none.
func perSecond(n int64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(n) / seconds
}

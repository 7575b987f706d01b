package bench

import (
	"context"
	"net"
	"net/netip"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A Shape says who sends what to whom.
type Shape string

const (
	Pairs   Shape = "pairs"    // publisher i to subscriber i, on a topic of their own
	FanIn   Shape = "fan-in"   // many publishers, each on its topic, to one subscriber
	FanOut  Shape = "fan-out"  // one publisher to many subscribers of one topic
	Shared  Shape = "shared"   // many publishers to the members of one shared subscription
	Retain  Shape = "retained" // messages are stored, then brought to those who subscribe
	Offline Shape = "offline"  // messages wait for absent sessions, which then drain them

	PubOnly Shape = "pub" // publishers alone: nobody here receives
	SubOnly Shape = "sub" // subscribers alone: somebody else publishes

	Ramp  Shape = "ramp"  // connections are made at a rate, and held
	Churn Shape = "churn" // connections are made and ended all the time
	Storm Shape = "storm" // connections are held, lost all at once, and made again
)

// A Plan is what a run is to do. Check fills in what is zero and has a default,
// and refuses what makes no sense.
type Plan struct {
	Shape Shape
	// Clients is how many publishers and subscribers there are where Publishers and
	// Subscribers do not say; the one side of FanIn and FanOut stays one.
	Clients     int
	Publishers  int
	Subscribers int
	Topics      int
	// Topic is the template of the topics: %i is the topic's number, %r the run's
	// random word, %% a per cent sign. Where nobody here publishes it may be a filter.
	Topic   string
	Version mqttwire.Version
	QoS     mqttwire.QoS
	SizeMin int // bytes of a payload, at least HeaderSize
	SizeMax int
	Retain  bool // publish with RETAIN

	Messages int64         // to publish in all; 0: as many as Duration has room for
	Duration time.Duration // to publish for, without Warmup
	Warmup   time.Duration // 0: 1 s; below 0: none
	Rate     float64       // messages published a second in all; 0: closed loop, at full speed
	Ramp     time.Duration // in which the rate grows from nothing to Rate, after Warmup
	// Window is how many messages of one publisher may wait for their PUBACK or
	// PUBCOMP. Outstanding is how many may be sent and not yet received; below 0:
	// no bound. Only a closed loop has it, and only if the receivers are here.
	Window      int
	Outstanding int

	ConnectRate float64       // connections a second; 0: as fast as they are answered
	Hold        time.Duration // for which connections are held (Ramp, Storm)

	Workers int // threads of the generator
	Target  Target
	// Connect is what each client says in its CONNECT; ClientID begins all client ids.
	Connect           mqttwire.Connect
	PublishProperties mqttwire.Properties // 5.0
	// Authenticator makes one for each connection; nil: no enhanced authentication.
	Authenticator func() (client.Authenticator, error)

	PID int // of the broker, whose CPU and memory are read meanwhile (Linux); 0: not

	// Patience is how long deliveries may stop before what is missing is taken
	// for lost, and how long the broker may take to answer CONNECT and SUBSCRIBE
	// beyond that they have 30 s.
	Patience time.Duration
	// Progress, if not nil, is called now and then, by one goroutine at a time.
	Progress func(Snapshot)
}

// A Target is where the broker is. Plain TCP and Unix sockets are connected to by
// the loops themselves: Network and Address say where. For everything else
// there is Dial, from local if that is valid.
type Target struct {
	Name      string // for people: the URL, without secrets
	Network   string // "tcp" or "unix"; empty: Dial connects
	Address   string // ADDRESS:PORT with a numeric address, or the path of a socket
	Dial      func(ctx context.Context, local netip.Addr) (net.Conn, error)
	Sources   []netip.Addr // addresses of this side, used by turns; empty: the system chooses
	InProcess bool         // the broker is part of this process, and shares its CPU time
}

// A Snapshot is how a run stands.
type Snapshot struct {
	Phase       string        // "connect", "warm-up", "settle", "measure", "wait", "listen", "receive", or of the shape
	Elapsed     time.Duration // in this phase
	Total       time.Duration // that it will take; 0: unknown
	Done        float64       // share of the phase that is over, 0 to 1; below 0: unknown
	Connected   int
	Connections int // that are wanted
	Sent        int64
	Delivered   int64         // acknowledged where nobody receives; connections made, where nobody sends
	Rate        float64       // of these, a second, of late
	P50, P99    time.Duration // latency of late; 0: unknown
}

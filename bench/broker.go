package bench

// A brokerWatch is what a run sees of the process of the broker. A nil one sees
// nothing.
type brokerWatch struct {
	process       *processWatch
	bare          ProcessSample   // before the first connection
	samples       []ProcessSample // of the measured time
	ended         bool
	most          int   // connections that were open at the time of perConnection
	perConnection int64 // bytes resident beyond bare
}

// fewConnections are so many that what each of them costs is lost in the noise.
const fewConnections = 100

// watchBroker begins to watch the process that the plan names, if it does.
func (r *run) watchBroker() error {
	if r.plan.PID == 0 {
		return nil
	}
	process, err := watch(r.plan.PID)
	if err != nil {
		return nonsense("PID", "%v", err)
	}
	r.broker = &brokerWatch{process: process}
	r.broker.bare, _ = process.sample() // if it has ended by now, nothing can be connected to
	return nil
}

func (w *brokerWatch) close() {
	if w != nil {
		w.process.close()
	}
}

// begin is the first moment of the measured time.
func (w *brokerWatch) begin() {
	if w != nil {
		w.samples = w.samples[:0]
		w.look(&Point{})
	}
}

// look takes a sample, and says in p what was since the last one.
func (w *brokerWatch) look(p *Point) {
	if w == nil || w.ended {
		return
	}
	s, err := w.process.sample()
	if err != nil {
		w.ended = true
		return
	}
	if n := len(w.samples); n > 0 {
		p.BrokerCPU = w.samples[n-1].cores(s)
	}
	p.BrokerRSS = s.RSS
	w.samples = append(w.samples, s)
	if p.Connected >= max(w.most, fewConnections) {
		w.most, w.perConnection = p.Connected, max(s.RSS-w.bare.RSS, 0)/int64(p.Connected)
	}
}

// fillBroker says what the broker took in the measured time.
func (r *run) fillBroker() {
	w := r.broker
	if w == nil {
		return
	}
	r.result.Broker = processTook(r.plan.PID, w.samples)
	if w.ended {
		r.remark("the process %d, whose CPU and memory were watched, ended before the test did: what is said of it is until then", r.plan.PID)
	}
	if b := r.result.Broker; b != nil && r.plan.Shape.connects() {
		b.PerConnection = w.perConnection
	}
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"time"

	"mqtk/broker"
	"mqtk/broker/eventloop"
	"mqtk/commands/config"
	"mqtk/mqttwire/transport"
)

// An ownBroker is the broker of mqtk serve without a disk, in this process: what
// bench measures where no other is named. A nil one is none.
type ownBroker struct {
	broker   *broker.Broker
	url      string
	listener net.Listener
	served   chan struct{}
	tended   func()
}

// startOwnBroker opens one at a free port of the loopback interface, with the
// limits that serve has by default.
func startOwnBroker() (*ownBroker, error) {
	c := config.New()
	settle(c)
	quiet := slog.New(slog.DiscardHandler)
	o := broker.Options{Limits: c.Limits, Log: quiet, Version: buildVersion().Version}
	if d, err := eventloop.New(cores()); err == nil {
		o.Driver = d
	} else if !errors.Is(err, errors.ErrUnsupported) {
		return nil, fmt.Errorf("start a broker: %w", err)
	}
	b, err := broker.New(o)
	if err != nil {
		return nil, fmt.Errorf("start a broker: %w", err)
	}
	l, err := transport.Listen("mqtt://127.0.0.1:0", transport.ListenOptions{Log: quiet})
	if err != nil {
		return nil, fmt.Errorf("start a broker: %w", err)
	}
	own := &ownBroker{broker: b, url: transport.URL(l), listener: l, served: make(chan struct{})}
	own.tended = tend(context.Background(), newSteward(b, c.Limits.MemoryLimit, quiet))
	go func() {
		defer close(own.served)
		_ = b.Serve(l)
	}()
	return own, nil
}

// close ends the broker; there is nothing of it that anyone would miss.
func (b *ownBroker) close() {
	if b == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = b.broker.Shutdown(ctx)
	b.listener.Close()
	<-b.served
	b.tended()
}

// spareProcessors gives the runtime a processor for each thread of the load, and of
// a broker in this process, and one to spare, as packages loop and eventloop wish,
// unless GOMAXPROCS says how many.
func spareProcessors(workers int, own *ownBroker) {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	threads := workers
	if own != nil {
		threads += cores()
	}
	runtime.GOMAXPROCS(threads + 1)
}

package commands

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os/exec"
	"strings"
	"testing"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// Without -C no number of messages is the end.
func TestSubGoesOn(t *testing.T) {
	s := &subscriber{link: &link{}, o: &subOptions{}, done: make(chan struct{}), printed: math.MaxUint32}
	if err := s.message(&mqttwire.Publish{Topic: "a"}); err != nil {
		t.Errorf("message %d: %v", s.printed, err)
	}
}

// What comes when the end is decided is neither printed nor acknowledged.
func TestSubLeavesWhatComesBehindTheEnd(t *testing.T) {
	s := &subscriber{link: &link{}, o: &subOptions{}, done: make(chan struct{})}
	s.finish()
	if err := s.message(&mqttwire.Publish{Topic: "a", QoS: 1}); !errors.Is(err, client.ErrLeave) {
		t.Errorf("behind the end: %v", err)
	}
	s = &subscriber{link: &link{}, o: &subOptions{RetainedOnly: true}, done: make(chan struct{})}
	if err := s.message(&mqttwire.Publish{Topic: "a", QoS: 1}); !errors.Is(err, client.ErrLeave) {
		t.Errorf("the live message that ends --retained-only: %v", err)
	}
}

// TestUntilRetainedEndWithoutRetaining: a broker of 3.1.1 that retains nothing
// closes the connection upon the mark of the end, each time anew.
func TestUntilRetainedEndWithoutRetaining(t *testing.T) {
	b := startMosquitto(t, "retain_available false")
	out, err := mqtkCommand(t, "sub", "-L", b.url(), "-V", "311", "--retry-wait", "0.02", "a/#", "--until-retained-end", "-W", "20").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitLost || !strings.Contains(string(out), "it may retain none") {
		t.Errorf("%v, want the end with %d and the reason:\n%s", err, exitLost, out)
	}
}

// TestUntilRetainedEndBehindTheMark: a broker keeps the order within a topic alone.
// The mark may come before messages that wait for our answers to those before them.
func TestUntilRetainedEndBehindTheMark(t *testing.T) {
	for qos := mqttwire.QoS(1); qos <= 2; qos++ {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- windowOfOne(listener, qos, 20) }()
		got := runWords(t, "", "sub", "-L", "mqtt://"+listener.Addr().String(), "-V", "311", "-q", fmt.Sprint(qos), "a/#", "--until-retained-end", "-F", "%t")
		listener.Close()
		if err := <-done; err != nil || got.code != exitDone || strings.Count(got.out, "a/") != 20 {
			t.Errorf("QoS %d: %v, code %d, stdout %q, stderr %s", qos, err, got.code, got.out, got.err)
		}
	}
}

// windowOfOne serves one client of 3.1.1. It sends count retained messages, each
// when that before it is acknowledged, and the mark of the end at once.
func windowOfOne(listener net.Listener, qos mqttwire.QoS, count int) error {
	nc, err := listener.Accept()
	if err != nil {
		return err
	}
	defer nc.Close()
	r := mqttwire.NewReader(nc)
	r.From = mqttwire.Client
	sent, mark := 0, ""
	for {
		packet, err := r.ReadPacket()
		if err != nil {
			return err
		}
		var answers []mqttwire.Packet
		next := func() {
			if sent++; sent <= count {
				answers = append(answers, &mqttwire.Publish{QoS: qos, Retain: true, Topic: fmt.Sprintf("a/%d", sent), PacketID: mqttwire.PacketID(sent)})
			}
		}
		switch p := packet.(type) {
		case *mqttwire.Connect:
			answers = append(answers, &mqttwire.Connack{})
		case *mqttwire.Subscribe:
			answers = append(answers, &mqttwire.Suback{PacketID: p.PacketID, Reasons: []mqttwire.ReasonCode{mqttwire.ReasonCode(qos)}})
			if sent == 0 {
				next()
			} else {
				answers = append(answers, &mqttwire.Publish{QoS: 0, Retain: true, Topic: mark, Payload: []byte("end")})
			}
		case *mqttwire.Publish:
			mark = strings.Clone(p.Topic)
			kind := mqttwire.PUBACK
			if p.QoS == 2 {
				kind = mqttwire.PUBREC
			}
			answers = append(answers, &mqttwire.Ack{Kind: kind, PacketID: p.PacketID})
		case *mqttwire.Ack:
			switch p.Kind {
			case mqttwire.PUBREL:
				answers = append(answers, &mqttwire.Ack{Kind: mqttwire.PUBCOMP, PacketID: p.PacketID})
			case mqttwire.PUBREC:
				answers = append(answers, &mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: p.PacketID})
			default:
				next()
			}
		case *mqttwire.Unsubscribe:
			answers = append(answers, &mqttwire.Unsuback{PacketID: p.PacketID})
		case *mqttwire.Pingreq:
			answers = append(answers, &mqttwire.Pingresp{})
		case *mqttwire.Disconnect:
			return nil
		}
		var b []byte
		for _, answer := range answers {
			if b, err = answer.Append(b, mqttwire.V311); err != nil {
				return err
			}
		}
		if _, err := nc.Write(b); err != nil {
			return err
		}
	}
}

package acl

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"mqtk/broker"
)

func identity(user, id string) *broker.Identity {
	return &broker.Identity{Username: user, ClientID: id, Rights: &broker.Rights{}}
}

func TestAuthorizerReplacesItsFile(t *testing.T) {
	a := NewAuthorizer(parse(t, "user u\ntopic read a\npattern write %c"), false, nil)
	var _ broker.RightsLoader = a
	u, other, diskless := identity("u", "c"), identity("", "d"), &broker.Identity{Username: "u", ClientID: "c"}
	if err := a.LoadRights(t.Context(), u); err != nil || !a.Known(u) || !a.Known(other) {
		t.Fatal(err)
	}
	ask := func(want ...bool) {
		t.Helper()
		for i, got := range []bool{
			a.Authorize(u, broker.Receive, "a"), a.Authorize(u, broker.Publish, "c"), a.Authorize(diskless, broker.Receive, "a"),
			a.Authorize(other, broker.Publish, "d"), a.Authorize(other, broker.Receive, "a"),
		} {
			if got != want[i] {
				t.Errorf("question %d: %v", i, got)
			}
		}
	}
	ask(true, true, true, true, false)
	a.Set(parse(t, "topic read a"), false)
	ask(false, false, false, false, true)
	a.Set(parse(t, "user u\ntopic deny a"), true)
	ask(false, true, false, true, true)
}

func TestAuthorizerTellsOfHostileNamesOnce(t *testing.T) {
	var said bytes.Buffer
	a := NewAuthorizer(parse(t, "pattern read %c/x\npattern read by/%u"), false, slog.New(slog.NewTextHandler(&said, nil)))
	id := identity("u", "#")
	for range 5 {
		if err := a.LoadRights(t.Context(), id); err != nil || a.Authorize(id, broker.Receive, "a/x") || !a.Authorize(id, broker.Receive, "by/u") {
			t.Error("the name widened a pattern", err)
		}
	}
	if n := strings.Count(said.String(), "matches no pattern"); n != 1 || !strings.Contains(said.String(), "client=#") {
		t.Errorf("told %d times: %s", n, said.String())
	}
}

func TestAuthorizerAllocatesNothing(t *testing.T) {
	a := NewAuthorizer(parse(t, "user u\ntopic read a/+\npattern write %c/#"), false, nil)
	id := identity("u", "c")
	a.rules(id)
	for _, action := range []broker.Action{broker.Publish, broker.Receive, broker.Subscribe} {
		if n := testing.AllocsPerRun(100, func() { a.Authorize(id, action, "a/b") }); n != 0 && action != broker.Subscribe {
			t.Errorf("action %v: %v allocations", action, n)
		}
	}
}

// TestAuthorizerSharesRules: clients without patterns of their own have the same
// rules, not equal ones.
func TestAuthorizerSharesRules(t *testing.T) {
	a := NewAuthorizer(parse(t, "topic a\nuser u\ntopic b\npattern c\npattern x/%u"), false, nil)
	one, two, other := a.rules(identity("", "1")), a.rules(identity("", "2")), a.rules(identity("v", "1"))
	if one != two || one == other {
		t.Error("anonymous clients have rules of their own")
	}
	if a.rules(identity("u", "1")).base != a.rules(identity("u", "2")).base || other.base != a.rules(identity("w", "3")).base {
		t.Error("clients of one user do not share what they can")
	}
	if !other.May(broker.Publish, "c") || other.May(broker.Publish, "b") || other.May(broker.Publish, "a") || !other.May(broker.Publish, "x/v") {
		t.Error("a user without lines has other rules than the patterns")
	}
}

func TestAuthorizerUnderRace(t *testing.T) {
	files := [2]*File{parse(t, "user u\ntopic a"), parse(t, "user u\ntopic a\npattern b/%c")}
	a := NewAuthorizer(files[0], false, nil)
	id := identity("u", "c")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 500 {
				if i == 0 {
					a.Set(files[j%2], false)
				}
				if !a.Authorize(id, broker.Receive, "a") || a.Authorize(id, broker.Receive, "c") {
					t.Error("a right that both files say was not there")
				}
			}
		})
	}
	all.Wait()
}

func TestClientOf(t *testing.T) {
	for _, test := range []struct {
		remote net.Addr
		want   string
	}{
		{nil, "invalid IP"},
		{&net.UnixAddr{Name: "/run/x", Net: "unix"}, "invalid IP"},
		{&net.UnixAddr{Name: "10.1.2.3:9", Net: "unix"}, "invalid IP"},
		{&net.TCPAddr{IP: net.ParseIP("10.1.2.3"), Port: 9}, "10.1.2.3"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 9}, "fe80::1"},
		{net.TCPAddrFromAddrPort(netip.MustParseAddrPort("[::ffff:10.0.0.1]:9")), "10.0.0.1"},
		{textAddr("[fe80::1%eth0]:9"), "fe80::1"},
		{textAddr("pipe"), "invalid IP"},
	} {
		if got := ClientOf(&broker.Identity{Remote: test.remote}).Address.String(); got != test.want {
			t.Errorf("%v: %s", test.remote, got)
		}
	}
}

type textAddr string

func (textAddr) Network() string  { return "text" }
func (a textAddr) String() string { return string(a) }

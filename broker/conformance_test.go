package broker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/conformance"
	"mqtk/mqttwire/transport"
)

// TestSpec5, TestSpec311 and TestSpec31 play the scripts of package conformance
// in fake time, one sub-test for each statement: -run 'Spec5/MQTT-3.1.2-22$'.
func TestSpec31(t *testing.T) { testSpec(t, mqttwire.V31) }
func TestSpec5(t *testing.T) {
	testSpec(t, mqttwire.V5)
	testWebSocket(t, mqttwire.V5)
}
func TestSpec311(t *testing.T) {
	testSpec(t, mqttwire.V311)
	testWebSocket(t, mqttwire.V311)
	t.Run("MQTT-4.8.0-2", testStoreFails)
}

func testSpec(t *testing.T, v mqttwire.Version) {
	scripts, err := conformance.Scripts()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	byID := make(map[string][]*conformance.Script)
	for _, s := range scripts {
		if s.Version != v {
			continue
		}
		shows := s.Shows
		if len(shows) == 0 {
			shows = []string{"mqtk"}
		}
		for _, id := range shows {
			if byID[id] == nil {
				ids = append(ids, id)
			}
			byID[id] = append(byID[id], s)
		}
	}
	slices.Sort(ids)
	played := make(map[*conformance.Script]conformance.Result)
	for _, id := range ids {
		t.Run(id, func(t *testing.T) {
			for _, s := range byID[id] {
				t.Run(s.Title, func(t *testing.T) { playOnce(t, s, played) })
			}
		})
	}
}

// playOnce plays a script for the first of its statements, and tells the
// others how it went.
func playOnce(t *testing.T, s *conformance.Script, played map[*conformance.Script]conformance.Result) {
	r, ok := played[s]
	if !ok {
		synctest.Test(t, func(t *testing.T) { r = play(t, s) })
		played[s] = r
	}
	if r.Outcome != conformance.Pass {
		t.Error(r)
	}
}

// play runs a script against a broker of its own, made as the script needs it.
func play(t *testing.T, s *conformance.Script) conformance.Result {
	return playWith(t, s, optionsFor(t, s, broker.Options{}))
}

// optionsFor adds what a script needs.
func optionsFor(t *testing.T, s *conformance.Script, o broker.Options) broker.Options {
	o.Limits = broker.DefaultLimits()
	for _, setting := range s.Settings {
		if err := o.Limits.Set(setting.Key, setting.Value); err != nil {
			t.Fatal(err)
		}
	}
	for _, need := range s.Needs {
		switch need {
		case "users":
			o.Authenticator = users{"alice": "wonder", "bob": "build"}
		case "acl":
			o.Authorizer = noSecrets{}
		case "challenge":
			o.Authenticator = toy{}
		}
	}
	return o
}

func playWith(t *testing.T, s *conformance.Script, o broker.Options) conformance.Result {
	if s.Frames != "" {
		l, dial := openDoor(t, "ws", transport.KeyPair{})
		return playThrough(t, s, o, l, dial)
	}
	l := transport.NewMemListener()
	return playThrough(t, s, o, l, l.Dial)
}

// playThrough plays it through a listener.
func playThrough(t *testing.T, s *conformance.Script, o broker.Options, l net.Listener, dial conformance.Dialer) conformance.Result {
	var log bytes.Buffer
	o.Log, o.Version = slog.New(slog.NewTextHandler(&log, nil)), "test"
	b, err := broker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(l) }()
	r := conformance.Run(t.Context(), s, dial, conformance.Options{
		Strict: true, Settings: s.Settings, Have: []string{"users", "acl", "challenge", "anonymous", "quiet"}, Frames: true,
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-served; !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
	if r.Outcome == conformance.Fail {
		t.Logf("the broker's log:\n%s", &log)
	}
	return r
}

type users map[string]string

func (u users) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	if want, ok := u[c.Username]; !ok || string(c.Password) != want {
		return broker.Identity{}, broker.ErrBadCredentials
	}
	return broker.Identity{Username: c.Username, ClientID: c.ClientID, Remote: c.Remote}, nil
}

type noSecrets struct{}

func (noSecrets) Authorize(_ *broker.Identity, _ broker.Action, topic string) bool {
	return !strings.HasPrefix(topic, "secret/")
}

// toy is the authentication method of the scripts: one question, one answer.
type toy struct{}

func (toy) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	return broker.Identity{ClientID: c.ClientID, Remote: c.Remote}, nil
}

func (toy) Begin(method string, c *broker.Credentials) (broker.Challenge, error) {
	if method != "TOY" {
		return nil, broker.ErrUnknownMethod
	}
	return &toyChallenge{id: broker.Identity{ClientID: c.ClientID, Remote: c.Remote}}, nil
}

type toyChallenge struct {
	id    broker.Identity
	asked bool
}

func (c *toyChallenge) Next(_ context.Context, data []byte) ([]byte, bool, broker.Identity, error) {
	if !c.asked {
		c.asked = true
		return []byte("question"), false, broker.Identity{}, nil
	}
	if string(data) != "answer" {
		return nil, false, broker.Identity{}, broker.ErrNotAuthorized
	}
	return nil, true, c.id, nil
}

// A message that cannot be kept is not acknowledged: the connection ends.
func testStoreFails(t *testing.T) {
	scripts, err := conformance.Parse("", `=== a message for a session that cannot be stored closes the connection
# 3.1.1:
2> CONNECT client-id=${id}s
2< CONNACK Success
2> SUBSCRIBE packet-id=1 filter=${topic} qos=1
2< SUBACK GrantedQoS1 packet-id=1
2> DISCONNECT
2< EOF
1> CONNECT clean-start=1 client-id=${id}
1< CONNACK Success
1> PUBLISH topic=${topic} qos=1 packet-id=2 payload=x
1< EOF
`)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		if r := playWith(t, scripts[0], broker.Options{Store: fullStore{}}); r.Outcome != conformance.Pass {
			t.Error(r)
		}
	})
}

// A fullStore has room for everything but messages.
type fullStore struct{}

func (fullStore) Replay(func(*broker.Event) error) error { return nil }
func (fullStore) Close() error                           { return nil }

func (fullStore) Append(events []broker.Event, durable func(error)) error {
	for _, e := range events {
		if e.Kind == broker.EventEnqueue {
			return errors.New("no room")
		}
	}
	if durable != nil {
		go durable(nil)
	}
	return nil
}

// Titles make sub-tests: each script of a version has its own.
func TestScriptTitles(t *testing.T) {
	scripts, err := conformance.Scripts()
	if err != nil {
		t.Fatal(err)
	}
	titles := make(map[string]bool)
	file := regexp.MustCompile(`^[a-z0-9]+\.mqtt$`)
	for _, s := range scripts {
		if titles[s.Name()] || !file.MatchString(s.File) {
			t.Errorf("%s:%d: the title %q occurs twice", s.File, s.Line, s.Name())
		}
		titles[s.Name()] = true
	}
}

func (fullStore) Fetch(uint64, []uint64) ([]broker.Event, error) { return nil, nil }

func (fullStore) Full() bool { return false }

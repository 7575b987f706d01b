package commands

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// connectOptions are the flags that every client verb shares: where the broker
// is, who connects, and how long to try.
type connectOptions struct {
	Host, URL, Unix string
	Port            *uint16

	Username, Password *string
	PasswordFrom       string

	ID, IDPrefix  string
	KeepAlive     *uint16
	NoClean       bool
	SessionExpiry *uint32
	Version       mqttwire.Version // 0: 5.0, or 3.1.1 where the broker refuses it

	Bind         string
	Debug, Quiet bool
	Timeout      time.Duration

	Retry      *int
	RetryWait  time.Duration
	WaitBroker time.Duration

	Properties propertySet
	Will       willOptions

	context     *string // base.go has read
	optionsFile string  // both before

	secureOptions
}

// flags declares the connection flags. packets are those whose properties -D
// may set in this verb.
func (o *connectOptions) flags(packets ...mqttwire.PacketType) []cli.Flag {
	flags := inCategory("Connection",
		valued("host h", "connect to `HOST` (default localhost)", toHost(&o.Host)),
		valued("port p", "connect to `PORT` (default 1883, with TLS 8883; 8883 turns TLS on where no URL says more)", toNumberGiven(&o.Port, 1, 65535)),
		valued("url L", "connect to `URL`: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC], mqtts:// with TLS, ws:// and wss:// with the WebSocket path behind the port (default /mqtt), or unix:///PATH", toString(&o.URL)),
		valued("unix", "connect to the Unix socket `PATH`", toString(&o.Unix)),
		valued("context", "let `NAME` of the contexts file say what no flag does: see CONTEXTS in the man page; empty: none, whatever MQTK_CONTEXT says", toStringOrEmpty(&o.context)),
		valued("options-file o", "read flags from `FILE`, one a line, as mosquitto's clients do; flags on the command line win", toString(&o.optionsFile)),
		valued("bind A", "connect from the local `ADDRESS`", toString(&o.Bind)),
		valued("timeout W", "end after `TIME` (5, 0.5, 250ms) with code 27", toPositiveDuration(&o.Timeout)),
		valued("retry", "try again at most `N` times, before the first connection too (default: before it never; after it, see LOST CONNECTIONS in the man page)", toRetry(&o.Retry)),
		valued("retry-wait", "wait `TIME` before the first retry, then twice as long each time, up to 30 s (default 1)", toPositiveDuration(&o.RetryWait)),
		valued("wait-broker", "keep trying for `TIME` until the broker is there, each second, or each TIME of --retry-wait if that is longer", toPositiveDuration(&o.WaitBroker)),
		ignored("nodelay", "accepted for mosquitto's sake: small packets are never delayed"))
	flags = append(flags, o.secureOptions.flags()...)
	flags = append(flags, inCategory("Identity",
		valued("username u", "log in as `NAME`", toStringOrEmpty(&o.Username)),
		valued("password P pw", "log in with `PASSWORD`, which ps shows to everyone on this machine", toStringOrEmpty(&o.Password)),
		valued("password-from", "take the password from `SOURCE`: env:NAME, file:PATH, fd:N, cmd:COMMAND or prompt", toString(&o.PasswordFrom)),
		valued("id i", "use the client id `ID` (default mqtk- and 12 random characters)", toString(&o.ID)),
		valued("id-prefix I", "use a client id of `PREFIX` and 12 random characters", toString(&o.IDPrefix)))...)
	flags = append(flags, inCategory("Identity", o.authFlags()...)...)
	flags = append(flags, inCategory("Session",
		valued("protocol-version V", "speak MQTT `VERSION`: 5, 311, 31 or auto, which is 5 and, if the broker refuses it, 311 (default auto)", toVersion(&o.Version)),
		valued("keep-alive k keepalive", "let the broker notice our absence after `SECONDS` (default 60, 0 is never)", toNumberGiven(&o.KeepAlive, 0, 65535)),
		onOff("no-clean c disable-clean-session", "keep the session of an earlier connection, and this one; needs --id", &o.NoClean),
		valued("session-expiry x", "let the session end `TIME` after the connection: seconds, a duration or inf", toExpiry(&o.SessionExpiry)),
		o.Properties.flag(packets))...)
	flags = append(flags, o.Will.flags()...)
	return append(flags, inCategory("Reporting",
		onOff("debug d", "print each packet on stderr", &o.Debug),
		onOff("quiet", "print no warning, and no error but that of a command line that cannot be", &o.Quiet))...)
}

// plan is what the connection flags, the URL and the environment come to.
type plan struct {
	options   client.Options
	topic     string // from the URL's path
	needs5    string // the flag that only 5.0 can honour
	proxyFrom string // what named the proxy
	unusedCA  bool   // MQTK_CAFILE is set and does not count
	brief     bool   // the conversation is over in a moment, unless something hinders it
	place     place
	// authenticator makes what options.Authenticator is one of; nil: none.
	authenticator func() (client.Authenticator, error)
}

// plan resolves and checks the options.
func (o *connectOptions) plan(p *program) (plan, error) {
	where, topic, err := o.resolve(p)
	if err != nil {
		return plan{}, err
	}
	pl := plan{topic: topic, place: where}
	connect := mqttwire.Connect{Version: o.Version, CleanStart: !o.NoClean, KeepAlive: 60}
	if where.version != 0 && o.Version == 0 {
		connect.Version = where.version
	}
	if k := firstOf(o.KeepAlive, where.keepAlive); k != nil {
		connect.KeepAlive = *k
	}
	if err := o.identify(p, where, &connect); err != nil {
		return plan{}, err
	}
	if err := o.expire(&connect); err != nil {
		return plan{}, err
	}
	if connect.Will, err = o.Will.will(o.Properties.of(mqttwire.WillProperties)); err != nil {
		return plan{}, err
	}
	connect.Properties = o.Properties.of(mqttwire.CONNECT)
	pl.needs5 = o.needs5()
	pl.options = client.Options{URL: where.target.String(), Retry: o.retry()}
	if pl.options.DialOptions, pl.proxyFrom, err = o.dialOptions(p, where); err != nil {
		return plan{}, err
	}
	if pl.authenticator, err = o.authenticator(where, &connect); err != nil {
		return plan{}, err
	}
	if pl.authenticator != nil {
		if pl.options.Authenticator, err = pl.authenticator(); err != nil {
			return plan{}, err
		}
	}
	pl.unusedCA = p.getenv("MQTK_CAFILE") != "" && where.secure.CAFile == ""
	pl.options.Connect = connect
	o.warnOfPlain(p, where)
	return pl, checkVersion(connect.Version, pl.needs5)
}

// warnOfPlain says so where a host or a port, which stand before a URL, have
// done away with its TLS.
func (o *connectOptions) warnOfPlain(p *program, where place) {
	scheme, _, _ := strings.Cut(o.URL, "://")
	if isTLS(strings.ToLower(scheme)) && !isTLS(where.target.Scheme) {
		p.warn("--host, --port and --unix stand before --url: this is %s, without TLS", where.target)
	}
}

// identify fills in the client id, user name and password.
func (o *connectOptions) identify(p *program, where place, connect *mqttwire.Connect) error {
	given := o.ID
	prefix := o.IDPrefix
	if given == "" && prefix == "" {
		prefix = where.idPrefix
		if where.clientID != nil {
			given = *where.clientID
		}
	}
	switch {
	case o.ID != "" && o.IDPrefix != "":
		return usagef("-i/--id and -I/--id-prefix are both given: one is enough")
	case given != "":
		connect.ClientID = given
	case o.NoClean:
		return usagef("-c/--no-clean needs a client id to find the session by: give -i/--id")
	case prefix != "":
		connect.ClientID = prefix + randomID()
	default:
		connect.ClientID = "mqtk-" + randomID()
	}
	if where.username != nil {
		connect.HasUsername, connect.Username = true, *where.username
	}
	password, err := o.password(p, where)
	if err != nil {
		return err
	}
	if password != nil {
		connect.HasPassword, connect.Password = true, password
	}
	if connect.HasPassword && !connect.HasUsername && o.AuthMethod == "" && connect.Version != 0 && connect.Version != mqttwire.V5 {
		return usagef("a password without a user name needs MQTT 5.0: give --username")
	}
	return nil
}

// expire turns -c and -x into a Session Expiry Interval.
func (o *connectOptions) expire(connect *mqttwire.Connect) error {
	switch {
	case o.SessionExpiry != nil:
		if o.Properties.has(mqttwire.CONNECT, mqttwire.SessionExpiryInterval) {
			return usagef("--session-expiry and --property connect session-expiry-interval are both given")
		}
		o.Properties.packets[mqttwire.CONNECT] = o.Properties.of(mqttwire.CONNECT).AddNumber(mqttwire.SessionExpiryInterval, *o.SessionExpiry)
	case connect.Version != 0 && connect.Version != mqttwire.V5:
	case !connect.CleanStart && !o.Properties.has(mqttwire.CONNECT, mqttwire.SessionExpiryInterval):
		o.Properties.packets[mqttwire.CONNECT] = o.Properties.of(mqttwire.CONNECT).AddNumber(mqttwire.SessionExpiryInterval, neverExpires)
	}
	return nil
}

// needs5 names a flag that 3.x has no words for.
func (o *connectOptions) needs5() string {
	if o.SessionExpiry != nil {
		return "--session-expiry"
	}
	if o.AuthMethod != "" {
		return "--auth-method"
	}
	if o.Properties.source != "" {
		return o.Properties.source
	}
	return o.Will.needs5
}

func (o *connectOptions) retry() client.Retry {
	r := client.Retry{FirstFor: o.WaitBroker, Again: client.Unlimited, Wait: o.RetryWait}
	if o.Retry != nil {
		r.First, r.Again = *o.Retry, *o.Retry
	}
	if o.WaitBroker > 0 {
		r.First = cmp.Or(r.First, client.Unlimited)
		r.MaxFirstWait = max(o.RetryWait, time.Second)
	}
	return r
}

// checkVersion refuses a flag that the chosen version has no words for.
func checkVersion(v mqttwire.Version, needs5 string) error {
	if v != 0 && v != mqttwire.V5 && needs5 != "" {
		return usagef("%s needs MQTT 5.0, and the version asked for is %s", needs5, v)
	}
	return nil
}

const neverExpires = 0xFFFFFFFF

// randomID is 12 letters and digits. They need to be nobody else's, and no
// secret: any client may call itself by any id.
func randomID() string {
	const letters = "0123456789abcdefghijklmnopqrstuv" // 32 of them: five bits each
	var id [12]byte
	random := rand.Uint64()
	for i := range id {
		id[i] = letters[random&31]
		random >>= 5
	}
	return string(id[:])
}

func firstOf[T any](values ...*T) *T {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return nil
}

func toVersion(into *mqttwire.Version) func(string) error {
	return func(s string) error {
		v, ok := map[string]mqttwire.Version{
			"auto": 0, "5": mqttwire.V5, "5.0": mqttwire.V5, "mqttv5": mqttwire.V5,
			"311": mqttwire.V311, "3.1.1": mqttwire.V311, "mqttv311": mqttwire.V311,
			"31": mqttwire.V31, "3.1": mqttwire.V31, "mqttv31": mqttwire.V31,
		}[s]
		if !ok {
			return fmt.Errorf("must be 5, 311, 31 or auto")
		}
		*into = v
		return nil
	}
}

// toHost takes a name or an address alone, and says where the rest goes.
func toHost(into *string) func(string) error {
	return func(s string) error {
		switch {
		case strings.Contains(s, "://"):
			return fmt.Errorf("is a URL: give it with --url")
		case strings.Count(s, ":") == 1:
			return fmt.Errorf("holds a port: give that with --port")
		}
		return toString(into)(s)
	}
}

// toExpiry takes seconds, a duration, inf, or mosquitto's words for inf.
func toExpiry(into **uint32) func(string) error {
	return func(s string) error {
		n := uint32(neverExpires)
		switch s {
		case "inf", "infinite", "never", "-1", "∞":
		default:
			seconds, err := parseSeconds(s)
			if err != nil {
				return err
			}
			n = seconds
		}
		*into = &n
		return nil
	}
}

// parseSeconds reads a number of seconds or a duration, rounded up.
func parseSeconds(s string) (uint32, error) {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return uint32(n), nil
	}
	d, err := parseDuration(s)
	seconds := (d + time.Second - 1) / time.Second
	if err != nil || seconds > neverExpires {
		return 0, fmt.Errorf("must be seconds (0 to 4294967295) or a duration such as 90m")
	}
	return uint32(seconds), nil
}

func toRetry(into **int) func(string) error {
	return func(s string) error {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return fmt.Errorf("must be a number of attempts")
		}
		count := int(n)
		*into = &count
		return nil
	}
}

package config

import (
	"io/fs"
	"net/netip"
	"time"

	"mqtk/broker"
)

// Config is what a broker is told, whoever told it: the file, MQTK_SET, flags.
// Its zero value is no Config; New and Read make one.
type Config struct {
	Path string // of the file; empty: there is none

	Data           string // empty: nothing is kept
	Durability     string // fsync, os, none
	CommitDelay    time.Duration
	Driver         string // auto, eventloop, goroutine
	LogLevel       string // debug, info, warn, error
	LogFormat      string // text, json
	Drain          time.Duration
	AllowAnonymous bool

	Listeners []Listener // none: those of the loopback interface
	Auth      Auth
	ACL       ACL
	Bans      Bans
	Limits    broker.Limits

	origins map[string]origin // by the path of the key; what is not here is a default
	text    []byte            // of the file, for Check to show its lines
}

// A Listener is one [[listener]].
type Listener struct {
	URL            string   // without a query
	Cert, Key      []string // files, of equal length: the first pair for whoever asks for no name, all by SNI
	ClientCA       string
	ClientCert     string // require, optional
	UserFromCert   string // cn, subject, san:dns, san:uri, san:email; empty: a certificate gives no name
	TLSMin         string // 1.2, 1.3
	Ciphers        []string
	ALPN           []string
	TLSKeylog      string
	ProxyProtocol  string // off, v1, v2, any
	Trusted        []netip.Prefix
	Origins        []string
	Path           string // of WebSocket requests
	Compression    bool
	Subprotocol    string      // required, optional
	Mode           fs.FileMode // of a socket; 0: its owner alone may connect
	Owner, Group   string
	Auth           []string // as written; nil: not written. Config.Authenticators says what holds
	Versions       []string // 3.1, 3.1.1, 5.0; none: all
	MaxConnections int      // 0: no limit of its own
	Allow, Deny    []netip.Prefix
	MountPoint     string
	SlowReceiver   string // wait, drop; empty: that of the limits
	BindClientID   string // equal, prefix; empty: not bound

	origins map[string]origin // by the name of the key; "" is [[listener]] itself
}

// Auth holds the authenticators that are configured, and SASL.
type Auth struct {
	File AuthFile
	SQL  AuthSQL
	JWT  AuthJWT
	SASL AuthSASL
}

// AuthFile is [auth.file].
type AuthFile struct{ Passwords string }

// AuthSQL is [auth.sql].
type AuthSQL struct {
	Driver     string // mysql, postgres, sqlite; empty: not configured
	DSN        string // as written, env:NAME too; Secret resolves it
	Dir        string // what the path of an SQLite file is relative to; empty: the working directory
	UserTable  string
	ACLTable   string
	Hash       string // plain, md5, sha, sha256, sha512, bcrypt, pbkdf2
	Salt       string // none, prefix, suffix
	Columns    Columns
	Iterations int    // of pbkdf2
	Digest     string // of pbkdf2: sha, sha256, sha512
}

// Columns are the names of the columns of both tables.
type Columns struct {
	Username, Password, Salt, IsSuperuser               string // of the users
	Allow, IPAddr, ACLUsername, ClientID, Access, Topic string // of the rules
	ID                                                  string // the rules are asked in its order
}

// AuthJWT is [auth.jwt]: a key, a set of keys, or both.
type AuthJWT struct {
	Key           string // file: a shared secret, or public keys as PEM
	JWKS          string // file
	Algorithms    []string
	Issuer        string
	Audience      string
	UsernameClaim string
}

// AuthSASL is [auth.sasl].
type AuthSASL struct {
	Mechanisms      []string
	PlainWithoutTLS bool
}

// ACL is [acl]: a file, the table of [auth.sql], or neither.
type ACL struct {
	File       string
	SQL        bool
	NoMatch    string // deny, allow
	DenyAction string // ignore, disconnect
	OnError    string // deny, nomatch
	Refresh    time.Duration
}

// Bans is [bans].
type Bans struct {
	Users, Clients []string
	Addresses      []netip.Prefix
}

// origin is where a value comes from.
type origin struct {
	source string
	at     span // of the key, where it is in the file
	inFile bool
	bad    bool // the value was refused, which has been said
}

func (o origin) judged(err error) origin {
	o.bad = err != nil
	return o
}

// Default is the source of what nobody has set.
const Default = "default"

// New is a Config with every value at its default.
func New() *Config {
	c := &Config{Limits: broker.DefaultLimits(), origins: map[string]origin{}}
	for _, k := range schema() {
		if !k.ofListener() && k.limit == nil {
			c.mustDefault(k, c)
		}
	}
	return c
}

// newListener is a listener with every value at its default.
func newListener(rows []Key) Listener {
	l := Listener{origins: map[string]origin{}}
	for _, k := range rows {
		if k.ofListener() && k.name() != "url" && k.name() != "auth" {
			(&Config{}).mustDefault(k, &l)
		}
	}
	return l
}

func (c *Config) mustDefault(k Key, of any) {
	if err := k.store(k.field(of), k.items(k.Default), ""); err != nil {
		panic(k.Path + ": " + err.Error()) // the table contradicts itself
	}
}

// Source says where the value of a key comes from: "mqtk.toml:12", "--set",
// "MQTK_SET", another flag, or Default.
func (c *Config) Source(key string) string {
	return sourceIn(c.origins, key)
}

// Given says whether somebody has set the key.
func (c *Config) Given(key string) bool { return c.Source(key) != Default }

// Source says where the value of a key of the listener comes from; "url" is
// the one that is always there.
func (l *Listener) Source(key string) string { return sourceIn(l.origins, key) }

func sourceIn(origins map[string]origin, key string) string {
	if o, ok := origins[key]; ok {
		return o.source
	}
	return Default
}

// Authenticators are who is asked at a listener, in order: those of its auth,
// or else all that are configured. "anonymous" lets clients without credentials
// in. None: everybody, without a name.
func (c *Config) Authenticators(l *Listener) []string {
	if l.Auth != nil {
		return l.Auth
	}
	names := []string{}
	if l.UserFromCert != "" {
		names = append(names, "cert")
	}
	for _, name := range authenticators() {
		if c.configured(name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 && c.AllowAnonymous {
		names = append(names, "anonymous")
	}
	return names
}

// authenticators are those that a table of [auth] configures.
func authenticators() []string { return []string{"file", "sql", "jwt"} }

func (c *Config) configured(name string) bool {
	switch name {
	case "file":
		return c.Auth.File.Passwords != ""
	case "sql":
		return c.Auth.SQL.Driver != ""
	case "jwt":
		return c.Auth.JWT.Key != "" || c.Auth.JWT.JWKS != ""
	}
	return false
}

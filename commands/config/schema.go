package config

import (
	"strings"

	"mqtk/broker"
)

// Kind says how a value is written.
type Kind byte

const (
	Text     Kind = iota // "text"
	File                 // a path, relative to the config file
	Files                // one path or a list of them
	List                 // a list of texts, or one
	Prefixes             // a list of addresses and networks, or one
	Switch               // true or false
	Choice               // one of Choices
	Choices              // a list of Choices
	Count                // a number from Min to Max
	Duration             // "5s", a bare number counts seconds; Min and Max in milliseconds
	Mode                 // "0660"
	Size                 // of limits: "1MiB"
)

// A Key is a row of the table.
type Key struct {
	Path     string // "acl.file"; "listener.url" is one of each listener
	Kind     Kind
	Default  string // as Set takes it; empty: none
	Choices  []string
	Min, Max int64
	Doc      string
	Restart  bool // a reload leaves it as it is
	Secret   bool
	On       string // of a listener: tls, ws, tcp or unix, where alone it has a meaning

	field func(of any) any // of a *Config, or of a *Listener
	limit *broker.Limit    // of limits: it reads and writes itself
}

func (k Key) ofListener() bool { return strings.HasPrefix(k.Path, "listener.") }

// name is the last part of the path, as it stands in the key's table.
func (k Key) name() string { return k.Path[strings.LastIndexByte(k.Path, '.')+1:] }

// table is what stands before the name.
func (k Key) table() string { return strings.TrimSuffix(k.Path[:len(k.Path)-len(k.name())], ".") }

// Name is the last part of the path, as it stands in the key's table.
func (k Key) Name() string { return k.name() }

// Table is what stands before the name: "acl" for acl.file.
func (k Key) Table() string { return k.table() }

// IsLimit says that the key is one of the limits, which have a list of their own.
func (k Key) IsLimit() bool { return k.limit != nil }

// Explain is all that there is to say about the key, in sentences.
func (k Key) Explain() string {
	text := k.Doc
	switch {
	case k.Default != "":
		text += " Default " + strings.Join(k.items(k.Default), ", ") + "; " + k.Range() + "."
	case k.Choices != nil:
		text += " It takes " + strings.Join(k.Choices, ", ") + "."
	}
	if k.Restart {
		text += " A change needs a restart."
	}
	return text
}

// schema is the table of all keys, in the order in which they are explained.
func schema() []Key {
	keys := append(topKeys(), listenerKeys()...)
	keys = append(keys, authKeys()...)
	keys = append(keys, aclKeys()...)
	for _, l := range broker.LimitTable() {
		if l.Key == "deny_action" {
			continue // acl.deny_action is the one that sets it
		}
		keys = append(keys, Key{Path: "limits." + l.Key, Kind: limitKind(l.Kind), Default: l.Default,
			Choices: l.Choices, Min: l.Min, Max: l.Max, Doc: l.Doc, Restart: l.Fixed, limit: &l})
	}
	return keys
}

func limitKind(k broker.LimitKind) Kind {
	switch k {
	case broker.LimitSize:
		return Size
	case broker.LimitSeconds, broker.LimitDuration:
		return Duration
	case broker.LimitSwitch:
		return Switch
	case broker.LimitChoice:
		return Choice
	case broker.LimitText:
		return Text
	}
	return Count
}

func onConfig(f func(*Config) any) func(any) any {
	return func(of any) any { return f(of.(*Config)) }
}

func onListener(f func(*Listener) any) func(any) any {
	return func(of any) any { return f(of.(*Listener)) }
}

const ( // in milliseconds
	hour = 3600 * 1000
	day  = 24 * hour
)

func topKeys() []Key {
	return []Key{
		{Path: "data", Kind: File, Restart: true, Doc: "Directory that keeps sessions, queues, retained messages and wills over a restart; without it all is in memory.",
			field: onConfig(func(c *Config) any { return &c.Data })},
		{Path: "durability", Kind: Choice, Default: "fsync", Choices: []string{"fsync", "os", "none"}, Restart: true, Doc: "Whether to acknowledge when it is on the disk, with the system, or at once.",
			field: onConfig(func(c *Config) any { return &c.Durability })},
		{Path: "commit_delay", Kind: Duration, Default: "0", Max: 5000, Restart: true, Doc: "Time that a commit waits for others to share it: fewer writes for an SD card, later acknowledgements.",
			field: onConfig(func(c *Config) any { return &c.CommitDelay })},
		{Path: "driver", Kind: Choice, Default: "auto", Choices: []string{"auto", "eventloop", "goroutine"}, Restart: true, Doc: "What drives connections: event loops (Linux, plain TCP and Unix sockets) or a goroutine each.",
			field: onConfig(func(c *Config) any { return &c.Driver })},
		{Path: "log_level", Kind: Choice, Default: "info", Choices: []string{"debug", "info", "warn", "error"}, Doc: "Level from which on is logged.",
			field: onConfig(func(c *Config) any { return &c.LogLevel })},
		{Path: "log_format", Kind: Choice, Default: "text", Choices: []string{"text", "json"}, Restart: true, Doc: "How the log is written.",
			field: onConfig(func(c *Config) any { return &c.LogFormat })},
		{Path: "drain", Kind: Duration, Default: "10s", Max: day, Doc: "Time that clients have at the end to take what is pending.",
			field: onConfig(func(c *Config) any { return &c.Drain })},
		{Path: "allow_anonymous", Kind: Switch, Default: "false", Doc: "Let clients of other machines in without credentials: at listeners without authentication, and after the authenticators of those that have no auth of their own.",
			field: onConfig(func(c *Config) any { return &c.AllowAnonymous })},
	}
}

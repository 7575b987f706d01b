package config

import "io"

// Probes look at what a text cannot tell; those that are nil are left out.
type Probes struct {
	Getenv    func(name string) string
	Lookup    func(host string) ([]string, error) // addresses of a name
	Passwords func(path string) error             // reads a password file
	ACL       func(path string) error             // reads a file of rules
	JWT       func(AuthJWT) error                 // reads the keys of tokens
	Files     bool                                // open what is named: certificates, keys
}

// Read reads a config file. The Config is never nil, and good only if there
// are no problems.
func Read(path string, text []byte) (*Config, []Problem) { return New(), nil }

// Check finds what only the whole can tell, once all sources are in.
func (c *Config) Check(p Probes) []Problem { return nil }

// Print writes the effective values, with where each comes from, as a config
// file. Secrets are left out.
func (c *Config) Print(w io.Writer) {}

// NeedRestart lists the keys that differ and that a reload leaves as they were.
func (c *Config) NeedRestart(next *Config) []string { return nil }

// Secret is the value of a secret, which may be env:NAME.
func Secret(value string, getenv func(string) string) (string, error) { return value, nil }

// Import turns a mosquitto.conf into a config file, and lists what is lost.
func Import(path string, text []byte) (toml []byte, lost []Problem) { return nil, nil }

package config

import "testing"

// The defaults of the table are values that the table allows.
func TestDefaults(t *testing.T) {
	c := New()
	if c.Durability != "fsync" || c.Drain.Seconds() != 10 || c.ACL.NoMatch != "deny" || len(c.Auth.SASL.Mechanisms) != 5 {
		t.Errorf("defaults: %+v", c)
	}
	if l := newListener(schema()); l.TLSMin != "1.2" || l.Mode != 0 || l.Auth != nil || l.ClientCert != "require" {
		t.Errorf("defaults of a listener: %+v", l)
	}
}

// Set takes limits by their own key, and everything else by its path.
func TestSet(t *testing.T) {
	c := New()
	for key, value := range map[string]string{
		"max_qos": "1", "limits.max_packet_size": "64KiB", "acl.no_match": "allow", "data": "d",
		"deny_action": "disconnect", "bans.addresses": "192.0.2.7,10.0.0.0/8", "commit_delay": "20ms",
	} {
		if err := c.Set("--set", key, value); err != nil {
			t.Error(err)
		}
	}
	if c.Limits.MaxQoS != 1 || c.Limits.MaxPacketSize != 64<<10 || c.ACL.NoMatch != "allow" || c.Data != "d" || c.ACL.DenyAction != "disconnect" || len(c.Bans.Addresses) != 2 {
		t.Errorf("%+v", c)
	}
	if c.Source("limits.max_qos") != "--set" || c.Source("driver") != Default {
		t.Errorf("sources %q %q", c.Source("limits.max_qos"), c.Source("driver"))
	}
}

func TestSetRefuses(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{"max_qos", "3", "max_qos: 3 is out of range; 0 to 2 is allowed"},
		{"acl.no_match", "denny", `acl.no_match: "denny" is no choice; did you mean deny?; deny or allow is allowed`},
		{"acl.nomatch", "deny", "acl.nomatch: no such key; did you mean acl.no_match?"},
		{"max_conections", "5", "max_conections: no such key; did you mean max_connections?"},
		{"listener.cert", "a", "listener.cert: belongs to one listener; --listen 'URL?cert=VALUE' sets it"},
		{"drain", "x", `drain: "x" is no duration; 0s to 1d is allowed`},
	} {
		c := New()
		if err := c.Set("--set", test.key, test.value); err == nil || err.Error() != test.want {
			t.Errorf("%s=%s: %v, want %s", test.key, test.value, err, test.want)
		}
	}
}

package config

import (
	"net"
	"slices"
	"strings"
)

// A dottedListener is listener.tcp.external = 1883 and its like.
type dottedListener struct {
	kind, name string // tcp, ssl, ws, wss; external
	option     string // empty: where it listens
}

// parseDottedListener takes listener.KIND.NAME[.OPTION] apart.
func parseDottedListener(name string) (d dottedListener, ok bool) {
	parts := strings.SplitN(name, ".", 4)
	if len(parts) < 3 || parts[0] != "listener" || !slices.Contains([]string{"tcp", "ssl", "ws", "wss"}, parts[1]) {
		return d, false
	}
	d = dottedListener{kind: parts[1], name: parts[2]}
	if len(parts) == 4 {
		d.option = parts[3]
	}
	return d, true
}

// door turns the line into one of a listener as mosquitto has it.
func (i *importer) door(d dottedListener, l line) {
	key := d.kind + "." + d.name
	s, ok := i.doors[key]
	if !ok {
		s = &section{options: map[string]line{}}
		if strings.HasPrefix(d.kind, "ws") {
			s.options["protocol"] = line{file: l.file, n: l.n, name: "protocol", value: "websockets"}
		}
		if i.doors == nil {
			i.doors = map[string]*section{}
		}
		i.doors[key] = s
	}
	if d.option == "" {
		host, port, err := net.SplitHostPort(l.value)
		if err != nil {
			host, port = "", l.value
		}
		s.line = line{file: l.file, n: l.n, text: l.text, name: "listener", value: strings.TrimSpace(port + " " + host)}
		i.sections = append(i.sections, s)
		return
	}
	i.doorOption(s, d, l)
}

func (i *importer) doorOption(s *section, d dottedListener, l line) {
	same := map[string]string{"keyfile": "keyfile", "certfile": "certfile", "cacertfile": "cafile", "max_connections": "max_connections", "mountpoint": "mount_point"}
	as := l
	switch {
	case same[d.option] != "":
		as.name = same[d.option]
	case d.option == "fail_if_no_peer_cert":
		as.name = "require_certificate"
	case d.option == "verify" && l.value == "verify_none", d.option == "zone", d.option == "acceptors":
		return
	case d.option == "verify":
		if _, ok := s.options["require_certificate"]; ok {
			return
		}
		as.name, as.value = "require_certificate", "true"
	case d.option == "peer_cert_as_username" && l.value == "cn":
		as.name, as.value = "use_identity_as_username", "true"
	case d.option == "peer_cert_as_username" && l.value == "dn":
		as.name, as.value = "use_subject_as_username", "true"
	default:
		i.lose(l, "has no equivalent")
		return
	}
	as.text, as.written = l.text, l.name
	s.keep(as)
}

// unopened are listeners of which there are only options.
func (i *importer) unopened() {
	for _, s := range i.doors {
		for _, l := range s.options {
			if s.line.name == "" && l.written != "" {
				i.lose(l, "belongs to a listener that no line opens")
			}
		}
	}
}

package config

import (
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// defaultListener says whether what stands before the first listener makes one
// of its own, at port 1883 if it names none, as mosquitto has it.
func (i *importer) defaultListener() bool {
	for name, l := range i.global.options {
		if i.opens(name, l) {
			return true
		}
	}
	return false
}

// opens says whether an option before the first listener makes one: whether it
// differs from mosquitto's default, as far as mosquitto looks.
func (i *importer) opens(name string, l line) bool {
	switch name {
	case "max_topic_alias", "tls_version", "http_dir", "accept_protocol_versions":
		return false // not looked at
	case "mount_point":
		return false // an error there
	case "port":
		return l.value != "0"
	case "max_connections":
		return number(l.value) >= 0
	case "max_qos":
		return number(l.value) != 2
	case "protocol":
		return l.value != "mqtt"
	case "tls_keyform":
		return l.value != "pem"
	case "require_certificate", "use_identity_as_username", "use_subject_as_username", "use_username_as_clientid":
		return i.global.on(name)
	case "password_file", "psk_file":
		return i.perListener
	case "allow_zero_length_clientid":
		return i.perListener && !i.global.on(name)
	}
	return i.rows[name].place == ofListener
}

// number reads what a value begins with, as C does: 0 where that is no number.
func number(s string) (n int) {
	fmt.Sscanf(s, "%d", &n)
	return n
}

// security is the section that says who may connect to a listener.
func (i *importer) security(s *section) *section {
	if i.perListener {
		return s
	}
	return i.global
}

// access settles what is said of all listeners.
func (i *importer) access() {
	if i.defaultListener() {
		i.sections = append([]*section{i.global}, i.sections...)
	} else if l, ok := i.global.options["mount_point"]; ok {
		i.lose(l, "belongs below a listener")
	}
	i.logLevel()
	if l, ok := i.global.options["persistence"]; ok {
		location := i.global.options["persistence_location"].value
		i.set(l, "data", filepath.Join(location, "mqtk")) // beside mosquitto's file, which is not read
	}
	i.once("allow_zero_length_clientid", func(l line) { toSwitch("limits.allow_zero_length_clientid")(i, l) })
	i.once("auto_id_prefix", func(l line) { to("limits.auto_id_prefix")(i, l) })
	i.once("password_file", func(l line) { to("auth.file.passwords")(i, l) })
	i.once("acl_file", func(l line) { to("acl.file")(i, l) })
	if i.c.ACL.File != "" && !i.c.Given("limits.check_retain_source") {
		i.set(line{file: i.path, n: 1, implied: true}, "limits.check_retain_source", "true")
	}
	for _, s := range i.sections {
		if _, given := s.options["acl_file"]; i.perListener && !given && i.c.ACL.File != "" {
			i.lose(s.line, "had no acl_file; here the rules hold for all listeners")
		}
	}
	i.together("limits.max_qos", "max_qos")
	i.together("limits.topic_alias_in", "max_topic_alias")
	i.messageSize()
}

// once takes an option of security over, which is one for all listeners here.
// Where another listener has another, that listener cannot be taken over, if
// the option says who may do what.
func (i *importer) once(name string, take func(line)) {
	var first line
	for _, s := range append([]*section{i.global}, i.sections...) {
		l, ok := s.options[name]
		switch {
		case !ok || l == first:
		case first.name == "":
			first = l
			take(l)
		case l.value != first.value:
			i.lose(l, "is one for all listeners here, and line %d names another", first.n)
			if strings.HasSuffix(name, "_file") {
				s.rules = "it has another " + name
			}
		}
	}
}

// together takes an option of listeners over that is one for all here.
func (i *importer) together(key, name string) {
	var lines []line
	for _, s := range i.sections {
		if l, ok := s.options[name]; ok {
			lines = append(lines, l)
		}
	}
	same := len(lines) == len(i.sections) && !slices.ContainsFunc(lines, func(l line) bool { return l.value != lines[0].value })
	if same && len(lines) > 0 {
		i.set(lines[0], key, lines[0].value)
		return
	}
	for _, l := range lines {
		i.lose(l, "is one for all listeners here: %s, which is not set", key)
	}
}

func (i *importer) listeners() {
	taken, claimed := 0, places{}
	if len(i.sections) == 0 && len(i.c.Listeners) == 0 {
		local := &section{line: line{file: i.path, n: 1, name: "listener", value: "1883 localhost", implied: true}, options: map[string]line{}}
		if _, given := i.global.options["allow_anonymous"]; !given {
			i.global.options["allow_anonymous"] = line{file: i.path, n: 1, name: "allow_anonymous", value: "true", implied: true}
		}
		i.sections = []*section{local}
	}
	for _, s := range i.sections {
		h := &hand{importer: i, s: s, l: newListener(schema())}
		h.transfer()
		if len(h.blocked) == 0 && claimed.claim(&h.l) != nil {
			h.block(s.line, "another listener has its address", "another listener has this address already")
		}
		i.written = append(i.written, h.text())
		if len(h.blocked) == 0 {
			taken++
			h.admit()
		}
	}
	if taken == 0 && len(i.c.Listeners) == 0 {
		i.written = append(i.written, "# None could be taken over; this one lets nobody in.\n[[listener]]\nurl = \"mqtt://localhost:1883\"\nauth = []\ndeny = [\"127.0.0.0/8\", \"::1\"]\n")
	}
}

// A hand takes one listener over.
type hand struct {
	*importer
	s       *section
	l       Listener
	blocked []string // why it must not be opened
	notes   []string
	guests  line // that lets in who has no credentials
}

func (h *hand) put(from line, name, value string) {
	k, err := findKey("listener." + name)
	if !k.ofListener() {
		panic(err) // a key that the table does not have
	}
	if err := k.store(k.field(&h.l), h.resolved(k, k.items(value)), ""); err != nil {
		h.lose(from, "cannot be %s here: %v", name, err)
		return
	}
	h.l.origins[name] = origin{source: from.source()}
}

// block keeps a listener closed that would let in more than it did.
func (h *hand) block(from line, why, format string, a ...any) {
	h.blocked = append(h.blocked, why)
	h.lose(from, format, a...)
}

func (h *hand) transfer() {
	h.blocked = append(h.blocked, h.narrower...)
	if h.s.rules != "" {
		h.blocked = append(h.blocked, h.s.rules)
	}
	for _, name := range slices.Sorted(maps.Keys(h.s.options)) {
		l := h.s.options[name]
		switch {
		case slices.Contains(switches(), name) && !slices.Contains([]string{"true", "1", "false", "0"}, strings.ToLower(l.value)):
			h.blocked = append(h.blocked, name+" is neither true nor false")
		case l.value == "" && namesFile(name):
			h.blocked = append(h.blocked, name+" names no file")
		}
	}
	h.address()
	h.encryption()
	h.clients()
	for name, key := range map[string]string{"mount_point": "mount_point", "max_connections": "max_connections"} {
		if l, ok := h.s.options[name]; ok && (name == "mount_point" || number(l.value) >= 0) {
			h.put(l, key, l.value)
		}
	}
	for _, name := range []string{"http_dir", "ciphers_tls1.3"} {
		if l, ok := h.s.options[name]; ok {
			h.lose(l, "has no equivalent: %s", map[string]string{
				"http_dir": "no files are served here", "ciphers_tls1.3": "the cipher suites of TLS 1.3 are not for choosing"}[name])
		}
	}
	if l, ok := h.s.options["use_username_as_clientid"]; ok && h.s.on(l.name) && len(h.l.Auth) == 0 {
		h.block(l, "it let in only who has a user name", "has no equivalent where nobody is asked who they are: the listener is a comment")
	} else if ok && h.s.on(l.name) {
		h.put(l, "bind_client_id", "equal")
		h.lose(l, "the client id is not replaced here; bind_client_id = \"equal\" demands that it is the user name")
	}
	if l, ok := h.s.options["accept_protocol_versions"]; ok {
		h.put(l, "versions", strings.NewReplacer("3", "3.1", "4", "3.1.1", "5", "5.0", " ", "").Replace(l.value))
	}
}

// address is where the listener listens.
func (h *hand) address() {
	from := h.s.line
	words := strings.Fields(from.value)
	port, host := "1883", ""
	if from.name != "listener" { // what stands before the first one
		if l, ok := h.s.options["port"]; ok {
			from, port = l, l.value
		}
		if l, ok := h.s.options["bind_address"]; ok {
			from, host = l, l.value
		}
	} else if len(words) > 0 {
		port = words[0]
		host = strings.Trim(strings.TrimPrefix(from.value, port), " \t")
	}
	if strings.HasPrefix(host, "/") && port == "0" {
		h.listenAt(from, "unix://"+escapePath(host))
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		h.block(from, "its port is unknown", "%q is no port", port)
	}
	if l, ok := h.s.options["socket_domain"]; ok && host == "" {
		host = map[string]string{"ipv4": "0.0.0.0", "ipv6": "::"}[l.value]
	}
	if l, ok := h.s.options["bind_interface"]; ok {
		h.block(l, "it was bound to the interface "+l.value, "has no equivalent: name an address of the interface in the url of the listener, which is a comment until then")
	}
	url := h.scheme() + "://"
	if host == "" {
		h.listenAt(from, url+":"+port)
		return
	}
	h.listenAt(from, url+net.JoinHostPort(host, port))
}

// listenAt writes the URL down. mosquitto finds out where it starts that an
// address is none; the file made here is to be good before.
func (h *hand) listenAt(from line, url string) {
	if err := checkURL(url); err != nil {
		h.block(from, "its address is unknown", "names no address to listen at: %v", err)
	}
	h.put(from, "url", url)
}

func escapePath(s string) string {
	return strings.NewReplacer("%", "%25", "?", "%3F").Replace(s)
}

func (h *hand) scheme() string {
	scheme := "mqtt"
	if l, ok := h.s.options["protocol"]; ok && l.value == "websockets" {
		scheme = "ws"
	} else if ok && l.value != "mqtt" {
		h.block(l, "it speaks "+l.value, "the protocol %q is not spoken here", l.value)
	}
	if _, ok := h.s.options["certfile"]; !ok {
		return scheme
	}
	return map[string]string{"mqtt": "mqtts", "ws": "wss"}[scheme]
}

// clients says who is asked for credentials.
func (h *hand) clients() {
	from := h.security(h.s)
	anonymous, allowed := from.options["allow_anonymous"]
	allowed = allowed && from.on("allow_anonymous")
	var names []string
	passwords, hasPasswords := from.options["password_file"]
	_, hasRules := from.options["acl_file"]
	switch {
	case hasPasswords && !h.c.configured("file"), hasRules && h.c.ACL.File == "":
		h.blocked = append(h.blocked, "who may do what there is not known") // the file has no name
	}
	switch {
	case h.l.UserFromCert != "":
		names, anonymous, allowed = []string{"cert"}, h.s.line, false
	case h.c.configured("sql"):
		names = append(names, "sql")
	}
	if hasPasswords && h.c.configured("file") && h.l.UserFromCert == "" {
		names = append([]string{"file"}, names...)
	}
	switch {
	case h.hasPlugin():
		h.blocked = append(h.blocked, "a plugin decided who may connect to it")
	case len(names) > 0 && allowed:
		names, h.guests = append(names, "anonymous"), anonymous
	case len(names) == 0 && !allowed:
		h.blocked = append(h.blocked, "it lets nobody in, without a password_file and without allow_anonymous")
		h.lose(h.s.line, "lets nobody in, without a password_file and without allow_anonymous, so it is a comment")
	case len(names) == 0:
		h.guests = anonymous
		if h.c.ACL.File != "" {
			h.notes = append(h.notes, "A user name that nobody checks is not believed here: these clients have none.")
		}
	}
	h.put(firstLine(passwords, anonymous, h.s.line), "auth", strings.Join(names, ","))
}

// hasPlugin says whether more than what stands in the file decides about clients.
func (h *hand) hasPlugin() bool {
	_, ofAll := h.global.options["global_plugin"]
	_, here := h.security(h.s).options["plugin"]
	return ofAll || here
}

func firstLine(lines ...line) line {
	for _, l := range lines {
		if l.name != "" {
			return l
		}
	}
	return lines[len(lines)-1]
}

// admit allows clients without credentials, where the listener lets them in.
func (h *hand) admit() {
	local := strings.HasSuffix(h.s.line.value, " localhost") && h.s.line.name == "listener"
	if h.guests.name != "" && !local {
		h.set(h.guests, "allow_anonymous", "true")
	}
}

// text is the listener as it stands in the file; blocked, it is a comment.
func (h *hand) text() string {
	var b strings.Builder
	b.WriteString("[[listener]]\n")
	for _, k := range schema() {
		if !k.ofListener() {
			continue
		}
		if o, ok := h.l.origins[k.name()]; ok {
			fmt.Fprintf(&b, "%s = %s # %s\n", k.name(), k.written(k.load(k.field(&h.l))), printable(o.source))
		}
	}
	var commented strings.Builder
	for _, note := range h.notes {
		commented.WriteString("# " + note + "\n")
	}
	if len(h.blocked) == 0 {
		return commented.String() + b.String()
	}
	for _, why := range h.blocked {
		fmt.Fprintf(&commented, "# Not taken over: %s.\n", printable(why))
	}
	for line := range strings.Lines(b.String()) {
		commented.WriteString("#" + line)
	}
	return commented.String()
}

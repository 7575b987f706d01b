package config

import (
	"net"
	"net/url"
	"regexp"
	"strings"
)

// Lines of the form NAME = VALUE, as mqtt.acl_nomatch = deny, stand in the files
// of brokers that took their users from SQL tables.

// dottedRows are the names with an equivalent, without what says where they
// hold: mqtt., zone.external., zone.internal.
func dottedRows() map[string]func(*importer, line) {
	rows := map[string]func(*importer, line){
		"acl_nomatch":     (*importer).unmatched,
		"acl_deny_action": to("acl.deny_action"),
		"allow_anonymous": func(i *importer, l line) {
			if _, ok := i.truth(l); ok {
				i.global.options["allow_anonymous"] = l
			}
		},
		"max_packet_size":         to("limits.max_packet_size"),
		"max_clientid_len":        to("limits.max_client_id"),
		"max_topic_levels":        toOrMost("limits.max_topic_levels", "65536"),
		"max_qos_allowed":         to("limits.max_qos"),
		"max_topic_alias":         to("limits.topic_alias_in"),
		"retain_available":        toSwitch("limits.retain_available"),
		"wildcard_subscription":   toSwitch("limits.wildcard_available"),
		"shared_subscription":     toSwitch("limits.shared_available"),
		"server_keepalive":        to("limits.max_keep_alive"),
		"idle_timeout":            to("limits.connect_timeout"),
		"max_inflight":            toOrMost("limits.max_inflight", "65535"),
		"max_awaiting_rel":        toOrMost("limits.receive_maximum", "65535"),
		"max_mqueue_len":          toOrMost("limits.max_queued_messages", "100000000"),
		"mqueue_store_qos0":       toSwitch("limits.queue_qos0"),
		"upgrade_qos":             toSwitch("limits.upgrade_outgoing_qos"),
		"max_subscriptions":       toOrMost("limits.max_subscriptions", "100000000"),
		"session_expiry_interval": to("limits.session_expiry_3x"),
	}
	return rows
}

func (i *importer) dottedOption(l line) {
	if strings.HasPrefix(l.name, "auth.mysql.") || strings.HasPrefix(l.name, "auth.pgsql.") {
		if i.dotted == nil {
			i.dotted = map[string]line{}
		}
		i.dotted[strings.Replace(l.name, ".auth_query.", ".", 1)] = l
		return
	}
	if d, ok := parseDottedListener(l.name); ok {
		i.door(d, l)
		return
	}
	name := l.name
	for _, prefix := range []string{"mqtt.", "zone.external.", "zone.internal."} {
		name = strings.TrimPrefix(name, prefix)
	}
	if do, ok := dottedRows()[name]; ok {
		do(i, l)
		return
	}
	if row, ok := i.rows[name]; ok && name != l.name && row.do != nil {
		row.do(i, l)
		return
	}
	i.lose(l, "has no equivalent")
}

// database makes [auth.sql] of auth.mysql or auth.pgsql.
func (i *importer) database() {
	for _, kind := range []struct{ prefix, driver, scheme, port string }{
		{"auth.mysql.", "mysql", "mysql", "3306"}, {"auth.pgsql.", "postgres", "postgres", "5432"},
	} {
		server, ok := i.dotted[kind.prefix+"server"]
		if ok && i.c.Auth.SQL.Driver != "" {
			i.lose(server, "is a second database, and one is asked here")
			continue
		}
		for name, l := range i.dotted {
			if strings.HasPrefix(name, kind.prefix) && !ok {
				i.lose(l, "belongs to a database that no %sserver names", kind.prefix)
			} else if strings.HasPrefix(name, kind.prefix) {
				i.databaseOption(strings.TrimPrefix(name, kind.prefix), l)
			}
		}
		if !ok {
			continue
		}
		value := func(name string) string { return i.dotted[kind.prefix+name].value }
		host, port := server.value, kind.port
		if h, p, err := net.SplitHostPort(server.value); err == nil {
			host, port = h, p
		}
		dsn := url.URL{Scheme: kind.scheme, Host: net.JoinHostPort(strings.Trim(host, "[]"), port), Path: "/" + value("database")}
		if value("username") != "" {
			dsn.User = url.UserPassword(value("username"), value("password"))
		}
		i.set(server, "auth.sql.driver", kind.driver)
		i.set(server, "auth.sql.dsn", dsn.String())
		if value("database") == "" {
			i.lose(server, "names no database: put its name at the end of dsn")
		}
		if i.c.ACL.File == "" {
			i.set(server, "acl.sql", "true")
		} else {
			i.lose(server, "the rules come from acl_file, so those of the database are not asked")
		}
	}
}

// unmatched says what holds where no rule matches.
func (i *importer) unmatched(l line) {
	if i.set(l, "acl.no_match", l.value) {
		i.noMatch = l
	}
}

// unruled is what becomes of it where there are no rules: denied is everything
// then, which here it cannot be.
func (i *importer) unruled() {
	if i.noMatch.name == "" || i.c.ACL.File != "" || i.c.ACL.SQL {
		return
	}
	delete(i.c.origins, "acl.no_match")
	if i.c.ACL.NoMatch == "deny" {
		i.narrower = append(i.narrower, "whoever is let in might do everything, for no rules are known")
		i.lose(i.noMatch, "denies everything, for no line names rules: give them in [acl]; until then the listeners are comments")
	}
}

// queryPatterns are the queries that are asked here, too.
func queryPatterns() map[string]string {
	return map[string]string{
		"auth_query":  `(?i)^select +password(?: *, *salt)? +from +([\w.]+) +where +username *= *'%u'(?: +limit +1)?;?$`,
		"super_query": `(?i)^select +is_superuser +from +([\w.]+) +where +username *= *'%u'(?: +limit +1)?;?$`,
		"acl_query": `(?i)^select +allow, *ipaddr, *username, *clientid, *access, *topic +from +([\w.]+) +where ` +
			`+ipaddr *= *'%a' +or +username *= *'%u' +or +username *= *'\$all' +or +clientid *= *'%c';?$`,
	}
}

func (i *importer) databaseOption(name string, l line) {
	switch name {
	case "server", "username", "password", "database", "pool":
	case "password_hash":
		i.passwordHash(l)
	case "acl_nomatch":
		i.unmatched(l)
	case "deny_action", "acl_deny_action":
		i.set(l, "acl.deny_action", l.value)
	case "auth_query", "super_query", "acl_query":
		query := regexp.MustCompile(queryPatterns()[name])
		key := map[string]string{"auth_query": "auth.sql.user_table", "acl_query": "auth.sql.acl_table"}[name]
		match := query.FindStringSubmatch(strings.Join(strings.Fields(l.value), " "))
		if match == nil {
			i.lose(l, "a query is not for setting; user_table, acl_table and [auth.sql.columns] say where users and rules are")
		} else if key != "" {
			i.set(l, key, match[1])
		}
	default:
		i.lose(l, "has no equivalent; options of the driver stand in dsn")
	}
}

// passwordHash reads sha256, salt,sha256, sha256,salt, salt,bcrypt and
// pbkdf2,sha256,1000,20.
func (i *importer) passwordHash(l line) {
	words := splitList(l.value)
	salt := "none"
	if len(words) == 2 && words[0] == "salt" {
		salt, words = "prefix", words[1:]
	} else if len(words) == 2 && words[1] == "salt" {
		salt, words = "suffix", words[:1]
	}
	switch {
	case len(words) == 0:
		i.lose(l, "names no hash")
		return
	case words[0] == "pbkdf2" && len(words) >= 3:
		salt = "prefix"
		i.set(l, "auth.sql.digest", words[1])
		i.set(l, "auth.sql.iterations", words[2])
	case words[0] == "bcrypt" || words[0] == "pbkdf2":
		salt = "prefix"
	case len(words) > 1:
		i.lose(l, "%q is no hash that is known here", l.value)
		return
	}
	if i.set(l, "auth.sql.hash", words[0]) {
		i.set(l, "auth.sql.salt", salt)
	}
}

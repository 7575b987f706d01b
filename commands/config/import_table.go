package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// place says what an option speaks of.
type place byte

const (
	ofAll      place = iota
	ofListener       // the one that it stands below
	ofSecurity       // all listeners, or with per_listener_settings the one that it stands below
)

// An importRow is what becomes of an option of mosquitto; options of listeners
// and of security are looked at together, once all is read.
type importRow struct {
	place place
	do    func(*importer, line)
}

// importTable is what mosquitto 2.0 knows, with the spellings before it.
func importTable() map[string]importRow {
	table := map[string]importRow{}
	for _, name := range strings.Fields(`port bind_address bind_interface http_dir max_connections maximum_qos max_qos max_topic_alias mount_point protocol
		socket_domain use_username_as_clientid cafile capath certfile ciphers ciphers_tls1.3 crlfile dhparamfile keyfile require_certificate tls_engine
		tls_engine_kpass_sha1 tls_keyform tls_version use_identity_as_username use_subject_as_username psk_hint accept_protocol_versions`) {
		table[name] = importRow{place: ofListener}
	}
	for _, name := range strings.Fields("acl_file allow_anonymous allow_zero_length_clientid auto_id_prefix password_file psk_file") {
		table[name] = importRow{place: ofSecurity}
	}
	add := func(names string, do func(*importer, line)) {
		for _, name := range strings.Fields(names) {
			table[name] = importRow{do: do}
		}
	}
	add("per_listener_settings retry_interval allow_duplicate_messages autosave_interval autosave_on_changes auth_plugin_deny_special_chars", nothing)
	add("set_tcp_nodelay", nothing) // it is always on
	importLimits(add)
	importStorage(add)
	importLog(add)
	add("auth_plugin plugin global_plugin plugin_load plugin_use", (*importer).importPlugin)
	for name, why := range map[string]string{
		"bridges":                 "there are no bridges here",
		"pid_file":                "no such file is written; a service manager knows the process",
		"user":                    "the user is not changed; start mqtk serve as that user",
		"websockets_log_level":    "there is no log of its own for WebSocket",
		"websockets_headers_size": "the size of the headers of a WebSocket request is not for setting",
		"trace_level":             "see log_level",
	} {
		add(name, func(i *importer, l line) { i.lose(l, "has no equivalent: %s", why) })
	}
	add("clientid_prefixes", func(i *importer, l line) {
		i.narrower = append(i.narrower, "the beginning of a client id said who may connect")
		i.lose(l, "has no equivalent, so the listeners are comments: bind_client_id of a listener binds client ids to user names")
	})
	return table
}

func nothing(*importer, line) {}

// to sets a key to the value as it stands.
func to(key string) func(*importer, line) {
	return func(i *importer, l line) { i.set(l, key, l.value) }
}

// toOrMost sets a key, and where 0 is no limit, the most that it may be.
func toOrMost(key, most string) func(*importer, line) {
	return func(i *importer, l line) {
		if l.value == "0" {
			l.value = most
		}
		i.set(l, key, l.value)
	}
}

func toSwitch(key string) func(*importer, line) {
	return func(i *importer, l line) {
		if value, ok := i.truth(l); ok {
			i.set(l, key, strconv.FormatBool(value))
		}
	}
}

// truth reads true and false as mosquitto does.
func (i *importer) truth(l line) (value, ok bool) {
	switch strings.ToLower(l.value) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	i.lose(l, "%q is neither true nor false", l.value)
	return false, false
}

func importLimits(add func(string, func(*importer, line))) {
	add("check_retain_source", toSwitch("limits.check_retain_source"))
	add("max_inflight_bytes", to("limits.max_inflight_bytes"))
	add("max_inflight_messages", toOrMost("limits.max_inflight", "65535"))
	add("max_keepalive", toOrMost("limits.max_keep_alive", "65535"))
	add("max_packet_size", to("limits.max_packet_size"))
	add("max_queued_bytes", toOrMost("limits.max_queued_bytes", "1GiB"))
	add("max_queued_messages", toOrMost("limits.max_queued_messages", "100000000"))
	add("queue_qos0_messages", toSwitch("limits.queue_qos0"))
	add("retain_available", toSwitch("limits.retain_available"))
	add("upgrade_outgoing_qos", toSwitch("limits.upgrade_outgoing_qos"))
	add("global_max_connections", to("limits.max_connections"))
	add("memory_limit", func(i *importer, l line) {
		if l.value != "0" {
			i.set(l, "limits.memory_limit", l.value)
		}
	})
	add("message_size_limit", func(i *importer, l line) { i.global.options[l.name] = l })
	add("sys_interval", func(i *importer, l line) {
		if l.value == "0" {
			i.lose(l, "$SYS cannot be turned off; deny it by an acl_file, or set sys_interval to a day")
			return
		}
		i.set(l, "limits.sys_interval", l.value)
	})
	add("persistent_client_expiration", importExpiration)
}

// messageSize is a limit of payloads, where the one here is of packets.
func (i *importer) messageSize() {
	l, ok := i.global.options["message_size_limit"]
	n, err := strconv.ParseInt(l.value, 10, 64)
	const header = 1024 // of topic and properties
	switch {
	case !ok || n == 0 && err == nil:
	case err != nil || n < 0:
		i.lose(l, "%q is no number", l.value)
	case i.c.Given("limits.max_packet_size") && n < int64(i.c.Limits.MaxPacketSize):
		i.lose(l, "is one limit with max_packet_size here, which is set by %s", i.c.Source("limits.max_packet_size"))
	case i.c.Given("limits.max_packet_size"):
	default:
		l.note = fmt.Sprintf("with %d bytes for topic and properties", header)
		i.set(l, "limits.max_packet_size", strconv.FormatInt(min(n, 268_435_460-header)+header, 10))
	}
}

// importExpiration reads a number of hours, days, weeks, months or years.
func importExpiration(i *importer, l line) {
	units := map[string]int64{"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}
	digits := strings.TrimRight(l.value, "hdwmy")
	n, err := strconv.ParseInt(digits, 10, 32)
	unit, ok := units[l.value[len(digits):]]
	if err != nil || !ok || n < 1 {
		i.lose(l, "%q is no number of h, d, w, m or y", l.value)
		return
	}
	hours := strconv.FormatInt(n*unit, 10) + "h"
	if i.set(l, "limits.session_expiry_3x", hours) {
		i.set(l, "limits.max_session_expiry", hours)
	}
}

func importStorage(add func(string, func(*importer, line))) {
	persistence := func(i *importer, l line) {
		if on, ok := i.truth(l); ok && on {
			i.global.options["persistence"] = l
		} else {
			delete(i.global.options, "persistence")
		}
	}
	add("persistence retained_persistence", persistence)
	add("persistence_location", func(i *importer, l line) { i.global.options[l.name] = l })
	add("persistence_file", func(i *importer, l line) {
		i.lose(l, "what is kept is not one file; the directory is data, and what mosquitto has kept is not read")
	})
}

func importLog(add func(string, func(*importer, line))) {
	add("log_type", func(i *importer, l line) {
		if i.logLevels == nil {
			i.logLevels = map[string]line{}
		}
		i.logLevels[l.value] = l
		if !slices.Contains(strings.Fields("all debug information notice warning error"), l.value) {
			i.lose(l, "there is no such kind in the log here; log_level says from which level on is logged")
		}
	})
	add("log_dest", func(i *importer, l line) {
		if l.value != "stderr" {
			i.lose(l, "the log goes to stderr; whoever starts mqtk serve sends it elsewhere")
		}
	})
	add("log_facility log_timestamp_format", func(i *importer, l line) {
		i.lose(l, "has no equivalent: log_format is text or json, with the time by RFC 3339")
	})
	for _, name := range []string{"log_timestamp", "connection_messages"} {
		add(name, func(i *importer, l line) {
			if on, ok := i.truth(l); ok && !on {
				i.lose(l, "cannot be turned off")
			}
		})
	}
}

// logLevel is the lowest level of the kinds that are logged.
func (i *importer) logLevel() {
	for _, level := range []struct{ kinds, level string }{
		{"all debug", "debug"}, {"information notice", "info"}, {"warning", "warn"}, {"error none", "error"},
	} {
		for _, kind := range strings.Fields(level.kinds) {
			if l, ok := i.logLevels[kind]; ok {
				i.set(l, "log_level", level.level)
				return
			}
		}
	}
}

func (i *importer) importPlugin(l line) {
	i.lose(l, "there are no plugins here; [auth.sql] reads users and rules from a database, [auth.jwt] checks tokens")
	if l.name == "global_plugin" || !i.perListener {
		i.global.options["global_plugin"] = l
	} else {
		i.section.options["plugin"] = l
	}
}

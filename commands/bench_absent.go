package commands

import "strings"

// foreignFlag is what to say to a flag that other load generators for MQTT have and
// bench does not; empty: nothing is known of it. shown has its dashes, of which some
// of them write one before a whole word.
func foreignFlag(shown string) string {
	switch strings.TrimLeft(shown, "-") {
	case "count", "num-clients", "conns":
		return "-c/--clients says how many clients, -n/--messages how many messages in all"
	case "limit", "num-messages":
		return "-n/--messages bounds the messages, all publishers' together"
	case "message-size", "payload-size", "payload_size":
		return "the size of a payload is -s/--size"
	case "m", "message", "payload", "file-read", "constant-payload", "topics-payload":
		return "payloads are made here, since they prove their delivery: -s/--size says how large they are"
	case "hostname", "broker-url", "server":
		return "the broker is that of -h/--host, or of -L/--url"
	case "ifaddr":
		return "the addresses of this side are those of -A/--bind"
	case "prefix", "client-id", "client-prefix":
		return "-I/--id-prefix says what all client ids begin with"
	case "S", "ssl", "tls":
		return "-L mqtts://HOST is TLS, wss://HOST the same through a WebSocket"
	case "ws", "quic", "protocol", "path":
		return "-L/--url says the transport: -L ws://HOST/PATH is MQTT over WebSocket, wss:// and mqtts:// have TLS"
	case "interval", "connrate", "rampup-delay", "rampup-size":
		return "-R/--connect-rate says how many connections are made a second, --rate how many messages are published"
	case "im", "message-interval", "interval_of_msg", "publish-interval":
		return "--rate says how many messages are published a second, by all publishers together: 100 clients with one every 10 ms are --rate 10k"
	case "F", "inflight":
		return "-M/--window bounds the messages without acknowledgement"
	case "C", "clean":
		return "sessions are clean here; --no-clean takes up those that there are"
	case "startnumber":
		return "client ids are numbered from 0: -I/--id-prefix keeps those of two runs apart"
	case "pubqos", "subqos", "publisher-qos", "subscriber-qos":
		return "-q/--qos is that of publishing and subscribing"
	case "reconnect-period", "maximum-reconnect-times", "num-retry-connect", "reconnect":
		return "a connection that is lost is counted, not made again; bench conn --shape storm measures reconnecting"
	case "verbose", "v", "format":
		return "the report is for people; --json, --csv and --html are the others"
	}
	return ""
}

// brokerHint says which flag names the broker that a word looks like.
func brokerHint(word string) string {
	shown := visible(word)
	switch {
	case strings.Contains(word, "://"):
		return "a broker is named by -L " + shown
	case strings.Trim(word, "0123456789") == "":
		return "the port of a broker on this machine is -p " + shown
	case strings.Contains(word, ":"):
		return "a broker is named by -L mqtt://" + shown
	}
	return "a broker is named by -h " + shown + ", or by -L/--url"
}

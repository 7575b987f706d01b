package commands

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// What people know from other clients and brokers and look for here. An honest
// answer is better than the name of some flag that looks alike.

// absentFlag is what to say to a flag of mosquitto or MQTTX that the last
// command of path does not have; empty: nothing is known of it. shown has its
// dashes.
func absentFlag(path []*cli.Command, shown string) string {
	verb := path[len(path)-1].Name
	if verb == "help" && strings.HasPrefix(shown, "--") {
		return "flags are named without their dashes: mqtk help pub " + shown[2:]
	}
	switch shown {
	case "-h": // where it is not the host
		return "help is " + commandName(path) + " --help"
	case "--version":
		return "mqtk version tells the version"
	case "--psk", "--psk-identity":
		return "this build has no TLS with keys shared beforehand (PSK); a client proves who it is with --cert, or a password"
	case "--quic":
		return "this build has no QUIC: there are TCP, TLS, WebSocket and Unix sockets, see --url"
	case "--keyform", "--tls-engine", "--tls-engine-kpass-sha1":
		return "keys come from PEM files alone, see --key"
	}
	if verb == "serve" {
		switch shown {
		case "--config-file":
			return "the file is that of -c, --config"
		case "--cafile", "--capath", "--cert", "--key", "--tls-version", "--ciphers", "--alpn", "--tls-keylog":
			return "TLS belongs to a listener: see --listen"
		case "-d", "--daemon":
			return "serve stays in the foreground: a service manager, or & in a shell, puts it into the background"
		}
		return ""
	}
	if len(path) == 2 && (verb == "pub" || verb == "sub") {
		if why := absentClientFlag(verb, shown); why != "" {
			return why
		}
		if own := sameElsewhere(shown); own != "" && findFlag(path[1], strings.Trim(strings.Fields(own)[0], "-:,")) != nil {
			return "that is " + own + " here"
		}
	}
	switch shown {
	case "-d", "--debug":
		switch verb {
		case "bench", "pub", "sub", "conn": // pub and sub of bench: those beside it have the flag
			return "a load is too much to show each packet of: mqtk pub -d and mqtk sub -d show what goes over the wire"
		case "fuzz":
			return "cases are too many to show each packet of: --dry-run prints them, and what is found is written to a file that inspect send plays"
		case "send", "proxy":
			return "each packet is printed as it is, on stdout"
		}
	case "--ca":
		return "the file of authorities is --cafile"
	case "--prefix", "--topic-prefix":
		if verb == "pub" {
			return "that is --rewrite '#=PREFIX/#' here"
		}
	}
	return ""
}

// absentClientFlag is what to say to a flag that pub or sub has no match for.
func absentClientFlag(verb, shown string) string {
	switch shown {
	case "--no-tls":
		return "there is no TLS where -L mqtt://HOST:PORT names the broker"
	case "-M", "--max-inflight":
		return "that bounds what pub has under way; what the broker may send at once is -D connect receive-maximum N"
	case "--message-rate":
		return "rates are shown by --tree and -w on a terminal, and by mqtk inspect top"
	case "--retain-as-published":
		return "that is for sub: a reply to --request is never a retained message"
	case "--save-options", "--load-options", "-so", "-lo":
		return "flags can be kept in a file of -o, --options-file, or in a context: mqtk help contexts"
	}
	return ""
}

// foreignBundle is what to say to a word that is one flag of MQTTX or HiveMQ's
// client, with one dash: here it is a bundle, of flags that there are not, or of
// some that would do what nobody has asked for.
func (s *argvScan) foreignBundle(word string) string {
	if len(word) < 3 || len(s.path) != 2 || s.path[1].Name != "pub" && s.path[1].Name != "sub" {
		return ""
	}
	if findFlag(s.command(), word[1:2]) == nil || word == "-pf" { // no port is f
		if own := sameElsewhere(word); own != "" && findFlag(s.command(), strings.Trim(strings.Fields(own)[0], "-:,")) != nil {
			return "that is " + own + " here"
		}
		return ""
	}
	next := ""
	if len(s.words) > 0 {
		next = s.words[0]
	}
	switch {
	case word == "-up" && strings.ContainsAny(next, "=:") && next[0] != '-':
		return "is the user name p here: a user property is --user-property NAME=VALUE"
	case word == "-rt" && s.path[1].Name == "pub" && s.hasTopic():
		return "is -r -t here, one more topic: the one for replies is --response-topic"
	case word == "-ct" && s.path[1].Name == "pub" && s.hasTopic():
		return "is -c -t here, one more topic: the type of the payload is --content-type"
	}
	return ""
}

// hasTopic tells of another -t, before this word or behind it.
func (s *argvScan) hasTopic() bool {
	isTopic := func(word string) bool {
		return strings.HasPrefix(word, "-t") || word == "--topic" || strings.HasPrefix(word, "--topic=")
	}
	return slices.Contains(s.line.given, findFlag(s.command(), "topic")) || len(s.words) > 0 && slices.ContainsFunc(s.words[1:], isTopic)
}

// sameElsewhere is the flag that does what one of MQTTX or HiveMQ's client
// does; empty: there is none.
func sameElsewhere(shown string) string {
	switch shown {
	case "--hostname":
		return "--host"
	case "--client-id", "--clientid", "--identifier":
		return "--id"
	case "--mqtt-version", "--mqttVersion":
		return "--protocol-version"
	case "--user":
		return "--username"
	case "--ca":
		return "--cafile"
	case "-ws", "-ws:path", "--protocol", "--path", "--ws", "--secure", "--ws:path":
		return "--url: mqtt://, mqtts://, ws:// or wss://HOST/PATH"
	case "-wh", "--ws-headers":
		return "--ws-header"
	case "--reconnect-period":
		return "--retry-wait"
	case "--maximum-reconnect-times":
		return "--retry"
	case "-se", "--session-expiry-interval", "--sessionExpiryInterval":
		return "--session-expiry"
	case "--clean", "--cleanStart", "--clean-start":
		return "--no-clean (a session of its own is what a client gets without it)"
	case "-Cup", "--conn-user-properties":
		return "--property connect user-property NAME VALUE"
	case "--user-properties", "--userProperty":
		return "--user-property NAME=VALUE"
	case "--message-expiry-interval", "--messageExpiryInterval":
		return "--message-expiry"
	case "-pf", "--payload-format-indicator", "--payloadFormatIndicator":
		return "--payload-format"
	case "--contentType":
		return "--content-type"
	case "--responseTopic":
		return "--response-topic"
	case "--correlationData":
		return "--correlation-data"
	case "-rcv", "--receive-maximum", "--rcvMax":
		return "--property connect receive-maximum N"
	case "--maximum-packet-size", "--maxPacketSize":
		return "--property connect maximum-packet-size N"
	case "--topic-alias-maximum", "--topicAliasMax":
		return "--property connect topic-alias-maximum N"
	case "--req-response-info", "--reqResponseInfo":
		return "--property connect request-response-information 1"
	case "--will-delay-interval":
		return "--will-delay"
	case "--will-message-expiry-interval":
		return "--will-message-expiry"
	case "--will-payload-format-indicator":
		return "--will-payload-format"
	case "--will-user-properties":
		return "--will-user-property NAME=VALUE"
	case "--file-write", "--file-save", "--outputToFile":
		return "--out"
	case "--showTopics":
		return "--verbose"
	case "-rh":
		return "--retain-handling"
	case "-rap":
		return "--retain-as-published"
	case "-si", "--subscription-identifier":
		return "--sub-id"
	case "-nl", "--no_local":
		return "--no-local"
	case "-Wm", "--will-message":
		return "--will-payload"
	case "--file-read", "--message-file":
		return "--file"
	case "--stdin":
		return "--stdin-file, or --stdin-line for a message from each line"
	case "--multiline", "--line-mode":
		return "--stdin-line"
	case "-J", "--output-mode", "--jsonOutput":
		return "--json"
	}
	return ""
}

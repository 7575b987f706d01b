package commands

// What people know from other clients and brokers and look for here. An honest
// answer is better than the name of some flag that looks alike.

// absentFlag is what to say to a flag of mosquitto or MQTTX that the verb does
// not have; empty: nothing is known of it. shown has its dashes.
func absentFlag(verb, shown string) string {
	switch shown {
	case "-h": // where it is not the host
		return "help is mqtk " + verb + " --help"
	case "--version":
		return "mqtk version tells the version"
	case "--psk", "--psk-identity":
		return "this build has no TLS with keys shared beforehand (PSK)"
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
	switch shown {
	case "-d", "--debug":
		switch verb {
		case "bench", "pub", "sub", "conn": // pub and sub of bench: those beside it have the flag
			return "a load is too much to show each packet of: mqtk pub -d and mqtk sub -d show what goes over the wire"
		}
	case "--ca":
		return "the file of authorities is --cafile"
	case "--repeat", "--repeat-delay":
		return "this build repeats no message: a loop in the shell, or lines on stdin with -l, do"
	case "--remove-retained":
		return "this build removes no retained messages by filter: mqtk pub -r -n TOPIC removes one"
	case "--random-filter":
		return "this build leaves out no messages at random"
	case "--pretty":
		return "--json prints one line for each message: a program such as jq lays it out"
	}
	return ""
}

package commands

// What the man pages of the clients say about TLS, proxies and authentication.

func wayNotes() manSection {
	return manSection{
		heading: "TLS, WEBSOCKET, PROXIES",
		text: `TLS is on where the scheme of the URL says so, and, with --host and --port or without either, where --cafile, --capath or --tls-use-os-certs is given, or the port 8883, which is that of TLS: -L mqtt://HOST:8883 is without. A flag of TLS where there is none is refused. The versions are 1.2 and 1.3, unless --tls-version chooses one.

The broker's certificate must be good: signed by an authority of the system, or of --cafile and --capath where they are given, valid today, and naming the host of the URL. The name is asked for (SNI), an address is not. With --srv it must name the domain, not the host that the records name: they come from DNS, where others may write. --servername names another. With --insecure and --cafile or --capath the name is not looked at, as with mosquitto's flag; with --insecure alone nothing is, and whoever stands in between can read and change all.

What a failed handshake was about is said in two lines, what was sent and what came, and the flag to change. A broker that wants a client's certificate says so by an alert.`,
		rows: []manRow{
			{"--cert, --key", "PEM files; the certificates that lead to the authority stand behind the client's own. An encrypted key, in the form of PKCS#8 that openssl writes or in that of old PEM files, needs --key-password-from"},
			{"--ciphers", "as in TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384; TLS 1.3 has none to choose from"},
			{"ws://, wss://", "the path of the URL is that of the WebSocket, /mqtt if there is none, and the topic comes from --topic or the operand"},
			{"--srv", "asks for _mqtt._tcp or, with TLS, _secure-mqtt._tcp of the domain, and tries the hosts found by priority and weight"},
			{"--proxy", "socks5 looks the host up here, socks5h and http leave that to the proxy. A proxy that is named by the flag is used for this machine, too"},
		},
	}
}

func authNotes() manSection {
	return manSection{
		heading: "AUTHENTICATION",
		text:    `Without --auth-method user name and password go into the CONNECT as they are. With it they do not: the mechanism proves them in AUTH packets. SCRAM keeps the password from the broker and proves that the broker knows it, too; one that cannot ends the connection, with exit code 7. PLAIN shows the password, so it is refused without TLS except to this machine, unless --plain-without-tls is given. EXTERNAL leaves the proof to the certificate of --cert; --username is then who to be. CRAM-MD5 and DIGEST-MD5 are old and weak.`,
	}
}

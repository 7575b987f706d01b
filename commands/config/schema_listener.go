package config

func listenerKeys() []Key {
	keys := []Key{
		{Path: "listener.url", Kind: Text, Doc: "Where to listen: mqtt, mqtts, ws or wss://HOST:PORT, or unix:///PATH; without a host on all interfaces, with port 0 on a free one.",
			field: onListener(func(l *Listener) any { return &l.URL })},
		{Path: "listener.auth", Kind: Choices, Choices: []string{"file", "sql", "jwt", "cert", "anonymous"}, Doc: "Who is asked for a client's credentials, in order; anonymous, as the last, lets in who has none, from other machines too. Without this key: cert where user_from_cert is set, then all that [auth] configures.",
			field: onListener(func(l *Listener) any { return &l.Auth })},
		{Path: "listener.versions", Kind: Choices, Choices: []string{"3.1", "3.1.1", "5.0"}, Doc: "Versions of MQTT that are spoken here; none named: all.",
			field: onListener(func(l *Listener) any { return &l.Versions })},
		{Path: "listener.max_connections", Kind: Count, Default: "0", Max: 100_000_000, Doc: "Connections at a time on this listener; 0 sets no limit of its own.",
			field: onListener(func(l *Listener) any { return &l.MaxConnections })},
		{Path: "listener.allow", Kind: Prefixes, On: "tcp", Doc: "Addresses and networks that may connect; none named: all.",
			field: onListener(func(l *Listener) any { return &l.Allow })},
		{Path: "listener.deny", Kind: Prefixes, On: "tcp", Doc: "Addresses and networks that may not connect, even where allow names them.",
			field: onListener(func(l *Listener) any { return &l.Deny })},
		{Path: "listener.mount_point", Kind: Text, Doc: "Put before every topic of the clients of this listener, and taken off again towards them; rules are asked about topics with it.",
			field: onListener(func(l *Listener) any { return &l.MountPoint })},
		{Path: "listener.slow_receiver", Kind: Choice, Choices: []string{"wait", "drop"}, Doc: "As the limit of that name, for the clients of this listener.",
			field: onListener(func(l *Listener) any { return &l.SlowReceiver })},
		{Path: "listener.bind_client_id", Kind: Choice, Choices: []string{"equal", "prefix"}, Doc: "Whether a client id must be the user name, or begin with it; without this key it is free.",
			field: onListener(func(l *Listener) any { return &l.BindClientID })},
	}
	keys = append(keys, tlsKeys()...)
	keys = append(keys, proxyKeys()...)
	return append(keys, socketKeys()...)
}

func tlsKeys() []Key {
	return []Key{
		{Path: "listener.cert", Kind: Files, On: "tls", Doc: "Certificate with its chain, as PEM, or a list of them to choose from by the server name that a client asks for; new connections get what is in the file then.",
			field: onListener(func(l *Listener) any { return &l.Cert })},
		{Path: "listener.key", Kind: Files, On: "tls", Doc: "Private key of the certificate, as PEM; as many as there are certificates.",
			field: onListener(func(l *Listener) any { return &l.Key })},
		{Path: "listener.client_ca", Kind: File, On: "tls", Doc: "Certificates, as PEM, that those of clients must come from.",
			field: onListener(func(l *Listener) any { return &l.ClientCA })},
		{Path: "listener.client_cert", Kind: Choice, Default: "require", Choices: []string{"require", "optional"}, On: "tls", Doc: "With client_ca: whether a client needs a certificate, or may have one.",
			field: onListener(func(l *Listener) any { return &l.ClientCert })},
		{Path: "listener.user_from_cert", Kind: Choice, Choices: []string{"cn", "subject", "san:dns", "san:uri", "san:email"}, On: "tls", Doc: "What of a client's certificate is its user name.",
			field: onListener(func(l *Listener) any { return &l.UserFromCert })},
		{Path: "listener.tls_min", Kind: Choice, Default: "1.2", Choices: []string{"1.2", "1.3"}, On: "tls", Doc: "Oldest version of TLS that is spoken.",
			field: onListener(func(l *Listener) any { return &l.TLSMin })},
		{Path: "listener.ciphers", Kind: List, On: "tls", Doc: "Cipher suites of TLS 1.2, by the names of Go; none named: those that Go holds for safe.",
			field: onListener(func(l *Listener) any { return &l.Ciphers })},
		{Path: "listener.alpn", Kind: List, On: "tls", Doc: "Names of application protocols to agree to; a client that offers others is refused by TLS, one that offers none comes in.",
			field: onListener(func(l *Listener) any { return &l.ALPN })},
		{Path: "listener.tls_keylog", Kind: File, On: "tls", Doc: "File that the keys of all connections are written to, with which a capture can be read: for a search for errors alone.",
			field: onListener(func(l *Listener) any { return &l.TLSKeylog })},
	}
}

func proxyKeys() []Key {
	return []Key{
		{Path: "listener.proxy_protocol", Kind: Choice, Default: "off", Choices: []string{"off", "v1", "v2", "any"}, Doc: "Version of the PROXY header that proxies of trusted put before a connection; at a Unix socket, whoever connects is trusted. A reload cannot change it for a plain listener that stays.",
			field: onListener(func(l *Listener) any { return &l.ProxyProtocol })},
		{Path: "listener.trusted", Kind: Prefixes, On: "tcp", Doc: "Addresses and networks of proxies, whose PROXY header or X-Forwarded-For is believed.",
			field: onListener(func(l *Listener) any { return &l.Trusted })},
		{Path: "listener.origins", Kind: List, On: "ws", Doc: "Origins of web pages that may connect, as https://example.org; none named: all.",
			field: onListener(func(l *Listener) any { return &l.Origins })},
		{Path: "listener.path", Kind: Text, On: "ws", Doc: "Path that a WebSocket request must name; without this key that of the URL, and without that any.",
			field: onListener(func(l *Listener) any { return &l.Path })},
		{Path: "listener.compression", Kind: Switch, Default: "false", On: "ws", Doc: "Compress WebSocket messages for clients that ask for it.",
			field: onListener(func(l *Listener) any { return &l.Compression })},
		{Path: "listener.subprotocol", Kind: Choice, Default: "required", Choices: []string{"required", "optional"}, On: "ws", Doc: "Whether a WebSocket request must offer the subprotocol mqtt, as the standard demands.",
			field: onListener(func(l *Listener) any { return &l.Subprotocol })},
	}
}

func socketKeys() []Key {
	return []Key{
		{Path: "listener.mode", Kind: Mode, On: "unix", Doc: "Permissions of the socket, such as 0660: who may write to it may connect. Without this key only its owner may. A reload cannot change it for a plain listener that stays.",
			field: onListener(func(l *Listener) any { return &l.Mode })},
		{Path: "listener.owner", Kind: Text, On: "unix", Doc: "User whom the socket belongs to. A reload cannot change it for a plain listener that stays.",
			field: onListener(func(l *Listener) any { return &l.Owner })},
		{Path: "listener.group", Kind: Text, On: "unix", Doc: "Group that the socket belongs to. A reload cannot change it for a plain listener that stays.",
			field: onListener(func(l *Listener) any { return &l.Group })},
	}
}

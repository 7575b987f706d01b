package config

func authKeys() []Key {
	keys := []Key{
		{Path: "auth.file.passwords", Kind: File, Doc: "Password file in mosquitto's format, which mqtk serve passwd writes.",
			field: onConfig(func(c *Config) any { return &c.Auth.File.Passwords })},
	}
	keys = append(keys, sqlKeys()...)
	return append(keys, []Key{
		{Path: "auth.jwt.key", Kind: File, Doc: "File with the key that tokens are signed with: a shared secret for HS256 and its like, else a public key as PEM.",
			field: onConfig(func(c *Config) any { return &c.Auth.JWT.Key })},
		{Path: "auth.jwt.jwks", Kind: File, Doc: "File with the keys that tokens are signed with, as a JSON Web Key Set.",
			field: onConfig(func(c *Config) any { return &c.Auth.JWT.JWKS })},
		{Path: "auth.jwt.algorithms", Kind: Choices, Choices: []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"},
			Doc:   "Algorithms that are accepted; none named: those that fit the keys.",
			field: onConfig(func(c *Config) any { return &c.Auth.JWT.Algorithms })},
		{Path: "auth.jwt.issuer", Kind: Text, Doc: "What the claim iss must be.",
			field: onConfig(func(c *Config) any { return &c.Auth.JWT.Issuer })},
		{Path: "auth.jwt.audience", Kind: Text, Doc: "What the claim aud must hold.",
			field: onConfig(func(c *Config) any { return &c.Auth.JWT.Audience })},
		{Path: "auth.jwt.username_claim", Kind: Text, Default: "sub", Doc: "Claim that holds the user name.",
			field: onConfig(func(c *Config) any { return &c.Auth.JWT.UsernameClaim })},
		{Path: "auth.sasl.mechanisms", Kind: Choices, Default: "SCRAM-SHA-256,SCRAM-SHA-512,SCRAM-SHA-1,PLAIN,EXTERNAL",
			Choices: []string{"SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-1", "PLAIN", "EXTERNAL", "CRAM-MD5", "DIGEST-MD5"},
			Doc:     "Methods of enhanced authentication in MQTT 5.0; CRAM-MD5 and DIGEST-MD5 are historic, and there only when named.",
			field:   onConfig(func(c *Config) any { return &c.Auth.SASL.Mechanisms })},
		{Path: "auth.sasl.plain_without_tls", Kind: Switch, Default: "false", Doc: "Take the method PLAIN over connections that are not encrypted, too.",
			field: onConfig(func(c *Config) any { return &c.Auth.SASL.PlainWithoutTLS })},
	}...)
}

func sqlKeys() []Key {
	column := func(name, standard, doc string, field func(*Columns) any) Key {
		return Key{Path: "auth.sql.columns." + name, Kind: Text, Default: standard, Doc: doc,
			field: onConfig(func(c *Config) any { return field(&c.Auth.SQL.Columns) })}
	}
	return []Key{
		{Path: "auth.sql.driver", Kind: Choice, Choices: []string{"mysql", "postgres", "sqlite"}, Doc: "Kind of database: mysql is MariaDB's, too; sqlite is a file.",
			field: onConfig(func(c *Config) any { return &c.Auth.SQL.Driver })},
		{Path: "auth.sql.dsn", Kind: Text, Secret: true, Doc: "Where the database is, and who logs in, as the driver writes it; env:NAME takes it from the environment.",
			field: onConfig(func(c *Config) any { return &c.Auth.SQL.DSN })},
		{Path: "auth.sql.user_table", Kind: Text, Default: "mqtt_user", Doc: "Table of the users.",
			field: onConfig(func(c *Config) any { return &c.Auth.SQL.UserTable })},
		{Path: "auth.sql.acl_table", Kind: Text, Default: "mqtt_acl", Doc: "Table of the rules, for acl.sql.",
			field: onConfig(func(c *Config) any { return &c.Auth.SQL.ACLTable })},
		{Path: "auth.sql.hash", Kind: Choice, Default: "sha256", Choices: []string{"plain", "md5", "sha", "sha256", "sha512", "bcrypt", "pbkdf2"}, Doc: "How passwords are hashed in the table.",
			field: onConfig(func(c *Config) any { return &c.Auth.SQL.Hash })},
		{Path: "auth.sql.salt", Kind: Choice, Default: "prefix", Choices: []string{"none", "prefix", "suffix"}, Doc: "Where the salt of the table stands when a password is hashed.",
			field: onConfig(func(c *Config) any { return &c.Auth.SQL.Salt })},
		{Path: "auth.sql.digest", Kind: Choice, Default: "sha256", Choices: []string{"sha", "sha256", "sha512"}, Doc: "What pbkdf2 hashes with.",
			field: onConfig(func(c *Config) any { return &c.Auth.SQL.Digest })},
		{Path: "auth.sql.iterations", Kind: Count, Default: "1000", Min: 1, Max: 10_000_000, Doc: "Rounds of pbkdf2.",
			field: onConfig(func(c *Config) any { return &c.Auth.SQL.Iterations })},
		column("username", "username", "Column of the user's name.", func(c *Columns) any { return &c.Username }),
		column("password", "password", "Column of the hash.", func(c *Columns) any { return &c.Password }),
		column("salt", "salt", "Column of the salt.", func(c *Columns) any { return &c.Salt }),
		column("is_superuser", "is_superuser", "Column that says 1 for a user who may do everything.", func(c *Columns) any { return &c.IsSuperuser }),
		column("id", "id", "Column of a rule's number, in whose order they are asked.", func(c *Columns) any { return &c.ID }),
		column("allow", "allow", "Column of a rule that says 1 for allow and 0 for deny.", func(c *Columns) any { return &c.Allow }),
		column("ipaddr", "ipaddr", "Column of a rule's address.", func(c *Columns) any { return &c.IPAddr }),
		column("acl_username", "username", "Column of a rule's user name.", func(c *Columns) any { return &c.ACLUsername }),
		column("clientid", "clientid", "Column of a rule's client id.", func(c *Columns) any { return &c.ClientID }),
		column("access", "access", "Column that says 1 for subscribe, 2 for publish and 3 for both.", func(c *Columns) any { return &c.Access }),
		column("topic", "topic", "Column of a rule's topic.", func(c *Columns) any { return &c.Topic }),
	}
}

func aclKeys() []Key {
	return []Key{
		{Path: "acl.file", Kind: File, Doc: "Rules in the format of mosquitto's acl_file.",
			field: onConfig(func(c *Config) any { return &c.ACL.File })},
		{Path: "acl.sql", Kind: Switch, Default: "false", Doc: "Take the rules from the table of [auth.sql].",
			field: onConfig(func(c *Config) any { return &c.ACL.SQL })},
		{Path: "acl.no_match", Kind: Choice, Default: "deny", Choices: []string{"deny", "allow"}, Doc: "What holds where no rule matches, once there are rules.",
			field: onConfig(func(c *Config) any { return &c.ACL.NoMatch })},
		{Path: "acl.deny_action", Kind: Choice, Default: "ignore", Choices: []string{"ignore", "disconnect"}, Doc: "Whether who does what is denied is only refused it, or loses the connection. It is the limit of that name, which stands here alone.",
			field: onConfig(func(c *Config) any { return &c.ACL.DenyAction })},
		{Path: "acl.on_error", Kind: Choice, Default: "deny", Choices: []string{"deny", "nomatch"}, Doc: "What holds where the database does not answer: deny, or what no_match says.",
			field: onConfig(func(c *Config) any { return &c.ACL.OnError })},
		{Path: "acl.refresh", Kind: Duration, Default: "1m", Min: 1000, Max: hour, Doc: "Time after which a client's rules are read from the database again.",
			field: onConfig(func(c *Config) any { return &c.ACL.Refresh })},
		{Path: "bans.users", Kind: List, Doc: "User names that may not connect.",
			field: onConfig(func(c *Config) any { return &c.Bans.Users })},
		{Path: "bans.clients", Kind: List, Doc: "Client ids that may not connect.",
			field: onConfig(func(c *Config) any { return &c.Bans.Clients })},
		{Path: "bans.addresses", Kind: Prefixes, Doc: "Addresses and networks that may not connect.",
			field: onConfig(func(c *Config) any { return &c.Bans.Addresses })},
	}
}

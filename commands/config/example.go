package config

// Example is a config file that shows what most need, for the man page; a test
// reads it.
func Example() string {
	return `data = "/var/lib/mqtk"

[[listener]]                      # MQTT over TLS, for everybody
url  = "mqtts://:8883"
cert = "fullchain.pem"            # looked at again for new connections
key  = "privkey.pem"
max_connections = 5000

[[listener]]                      # machines, with certificates of our own
url  = "mqtts://:8884"
cert = "fullchain.pem"
key  = "privkey.pem"
client_ca = "machines.pem"
user_from_cert = "cn"
auth = ["cert"]

[[listener]]                      # browsers
url  = "wss://:443/mqtt"
cert = ["fullchain.pem", "other.pem"]
key  = ["privkey.pem", "other.key"]
origins = ["https://example.org"]

[[listener]]                      # programs of this machine
url  = "unix:///run/mqtk/mqtk.sock"
mode = "0660"
group = "mqtk"
auth = ["file", "anonymous"]

[auth.file]
passwords = "passwd"              # mqtk serve passwd passwd USER

[auth.sql]
driver = "mysql"
dsn = "env:MQTK_DSN"              # mysql://USER:PASSWORD@HOST:3306/DATABASE

[acl]
file = "acl"                      # or sql = true
no_match = "deny"

[bans]
addresses = ["192.0.2.7", "198.51.100.0/24"]

[limits]
max_connections = 10000
max_packet_size = "1MiB"
session_expiry_3x = "30d"
`
}

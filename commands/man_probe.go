package commands

func inspectProbeExamples() []manRow {
	return []manRow{
		{"mqtk inspect probe mqtt://broker.example", "See what a broker can do and allows"},
		{"mqtk inspect probe mqtts://broker.example --cafile ca.pem -u field --password-from prompt", "Ask one that wants to know who asks, its TLS included"},
		{"mqtk inspect probe mqtt://old.example mqtt://new.example", "See what would change with a move"},
		{"mqtk inspect probe -t plant/probe -h broker.example", "Ask where only topics below plant/ are allowed"},
	}
}

func inspectCheckExamples() []manRow {
	return []manRow{
		{"mqtk inspect check mqtts://broker.example --tls-days 30,7", "Be warned before a certificate expires"},
		{"mqtk inspect check mqtt://broker.example --connect 100ms,500ms -F nagios", "Let Nagios or one of its kin watch a broker"},
		{"mqtk inspect check -h broker --receive 50ms,1s --retained-age plant/line1/state=2m,10m --age-from ts", "Notice a source that has gone silent"},
		{"mqtk inspect check --format prometheus mqtt://broker --qos2 1s > /var/lib/node_exporter/mqtt.prom", "Give figures to Prometheus, by a collector of files"},
	}
}

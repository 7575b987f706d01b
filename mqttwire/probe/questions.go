package probe

// slow are the questions that have to wait for a clock of the broker. They are
// asked at the same time.
func (a *asker) slow() []question {
	return []question{
		{"limits", []string{"keep_alive_enforced"}, nothing, a.askKeepAliveEnforced},
		{"publish", []string{"will_delay"}, five | topics, a.askWillDelay},
		{"publish", []string{"message_expiry", "message_expiry_told"}, five | topics, a.askMessageExpiry},
		{"publish", []string{"message_expiry_queued"}, five | topics, a.askQueuedExpiry},
		{"sessions", []string{"expires"}, five, a.askSessionExpires},
		{"subscribe", []string{"sys"}, nothing, a.askSys},
	}
}

// quick are the others.
func (a *asker) quick() []question {
	return []question{
		{"versions", []string{"mqtt_3_1", "mqtt_3_1_1", "mqtt_5_0"}, nothing, a.askVersions},
		{"versions", []string{"unknown_level"}, nothing, a.askUnknownLevel},
		{"access", []string{"anonymous"}, nothing, a.askAnonymous},
		{"access", []string{"auth_methods"}, five, a.askAuthMethods},
		{"access", []string{"assigned_client_id"}, five, a.askAssignedID},
		{"access", []string{"empty_client_id"}, nothing, a.askEmptyID},
		{"access", []string{"take_over"}, nothing, a.askTakeOver},

		{"publish", []string{"maximum_qos"}, topics, a.askMaximumQoS},
		{"publish", []string{"retained"}, topics, a.askRetained},
		{"publish", []string{"topic_alias_maximum"}, five | topics, a.askTopicAlias},
		{"publish", []string{"topic_alias_sent"}, five | topics, a.askSentAlias},
		{"publish", []string{"payload_format_checked"}, five | topics, a.askPayloadFormat},
		{"publish", []string{"no_matching_subscribers"}, five | topics, a.askNoSubscribers},
		{"publish", []string{"response_information"}, five, a.askResponseInformation},
		{"publish", []string{"will"}, topics, a.askWill},

		{"subscribe", []string{"granted_qos"}, topics, a.askGrantedQoS},
		{"subscribe", []string{"wildcards"}, topics, a.askWildcards},
		{"subscribe", []string{"shared"}, topics, a.askShared},
		{"subscribe", []string{"identifiers"}, five | topics, a.askIdentifiers},
		{"subscribe", []string{"no_local"}, five | topics, a.askNoLocal},
		{"subscribe", []string{"retain_as_published"}, five | topics, a.askRetainAsPublished},
		{"subscribe", []string{"retain_handling"}, five | topics, a.askRetainHandling},
		{"subscribe", []string{"overlapping"}, topics, a.askOverlapping},

		{"limits", []string{"receive_maximum"}, five | topics, a.askReceiveMaximum},
		{"limits", []string{"client_receive_maximum"}, five | topics, a.askClientReceiveMaximum},
		{"limits", []string{"client_packet_size"}, five | topics, a.askClientPacketSize},
		{"limits", []string{"keep_alive_off", "keep_alive_longest"}, nothing, a.askKeepAlive},

		{"sessions", []string{"kept", "ended_by_client"}, nothing, a.askSession},
		{"sessions", []string{"expiry_longest"}, five, a.askSessionExpiry},
		{"sessions", []string{"offline_qos0", "offline_qos1"}, topics, a.askOffline},

		// Those that take most round trips are the last to be asked for.
		{"limits", []string{"topic_levels"}, topics, a.askTopicLevels},
		{"limits", []string{"topic_length"}, topics, a.askTopicLength},
		{"access", []string{"client_id_length"}, nothing, a.askClientIDLength},
		{"limits", []string{"packet_size"}, topics, a.askPacketSize},
	}
}

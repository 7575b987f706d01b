package commands

import (
	"bytes"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// Names that alternate keep their order.
func TestMessageJSONKeepsOrder(t *testing.T) {
	m := &mqttwire.Publish{Topic: "a", Properties: mqttwire.Properties(nil).AddUser("k", "1").AddUser("j", "2").AddUser("k", "3")}
	line, _ := appendMessageJSON(nil, m, time.Unix(0, 0), false)
	if want := `"user-properties":{"k":["1","3"],"j":"2"},"user-property-list":[["k","1"],["j","2"],["k","3"]]}`; !bytes.Contains(line, []byte(want)) {
		t.Errorf("%s is not in\n%s", want, line)
	}
	again, err := parseMessageJSON(line)
	if err != nil || !bytes.Equal(again.Properties, m.Properties) {
		t.Errorf("%v: %q came of %s", err, again.Properties, line)
	}
}

// What sub --json writes is read back as the message that it was.
func FuzzMessageJSON(f *testing.F) {
	for _, line := range []string{
		`{"topic":"a","qos":1,"retain":1,"payload":"21.5","properties":{"content-type":"text/plain","user-properties":{"b":["1","2"],"a":"3"}}}`,
		`{"topic":"a/b","qos":2,"retain":true,"payload_b64":"AP+A","properties":{"message-expiry-interval":4000,"subscription-identifier":[7,8],"correlation-data_b64":"/w=="}}`,
		`{"tst":"2026-11-22T05:00:00.000000Z+0000","topic":"x","qos":0,"retain":0,"payloadlen":12,"payload":{"a": [1,2]}}`,
		`{"topic":"a","properties":{"user-properties":{"k":["1","3"],"j":"2"},"user-property-list":[["k","1"],["j","2"],["k","3"]]}}`,
		`{"topic":"\u0000"}`, `{"topic":"a","qos":3}`, `{"topic":"#"}`, `[]`, `{"topic":"a","properties":{"user-properties":{"a":1}}}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := parseMessageJSON(line)
		if err != nil {
			return
		}
		if _, err := m.Append(nil, mqttwire.V5); err != nil && m.QoS == 0 {
			t.Skip("a property that is text of no use, or too long")
		}
		written, _ := appendMessageJSON(nil, m, time.Unix(0, 0), false)
		again, err := parseMessageJSON(written)
		if err != nil {
			t.Fatalf("%s\nwas written as\n%s\nand cannot be read: %v", line, written, err)
		}
		if again.Topic != m.Topic || again.QoS != m.QoS || again.Retain != m.Retain || !bytes.Equal(again.Payload, m.Payload) || lastingProperties(again) != lastingProperties(m) {
			t.Fatalf("%s\nwas written as\n%s", line, written)
		}
	})
}

func TestMessageJSONRefuses(t *testing.T) {
	for line, want := range map[string]string{
		`{"qos":1}`:                                        `"topic" is missing`,
		`{"topic":"a/#"}`:                                  `topic "a/#": topic name with a wildcard`,
		`{"topic":"a","qos":3}`:                            `"qos": 3 is none of 0, 1 and 2`,
		`{"topic":"a","qos":-1}`:                           `"qos": -1 is none of 0, 1 and 2`,
		`{"topic":"a","qos":257}`:                          `"qos": 257 is none of 0, 1 and 2`,
		`{"topic":"a","qos":1.5}`:                          `"qos" cannot be 1.5`,
		`{"topic":["a"]}`:                                  `"topic" cannot be an array`,
		`{"topic":true}`:                                   `"topic" cannot be a bool`,
		`{"topic":"a","payload_b64":"?"}`:                  `"payload_b64" is no base64`,
		`{"topic":"a","payloadlen":5,"payload":"ab"}`:      `"payloadlen" is 5, and "payload" has 2 bytes: mosquitto_sub -F %j cuts payloads at a NUL, mqtk sub --json does not; a line without "payloadlen" is taken as it stands`,
		`{"topic":"a/\ud800"}`:                             `\ud800 is half a character: the other half is missing`,
		`{"topic":"a","payload":"\\\ud83d\n"}`:             `\ud83d is half a character: the other half is missing`,
		`{"topic":"a","payload":"\uDE00\ud83d"}`:           `\uDE00 is half a character: the other half is missing`,
		"{\"topic\":\"a\",\"payload\":\"h\xc3":             `the line ends in the middle of its JSON`,
		"{\"topic\":\"a\",\"payl\x00\x00":                  `the line ends in the middle of its JSON`,
		"\x00\x00":                                         `the line ends in the middle of its JSON`,
		"{\"topic\":\"a\",\"payload\":\"h\xc3\"}":          `no UTF-8, so it is no JSON: mosquitto_sub writes binary payloads so, mqtk sub --json does not`,
		`{"topic":1}`:                                      `"topic" cannot be a number`,
		`[1]`:                                              `an object is expected, not an array`,
		`{"topic":"a"`:                                     `the line ends in the middle of its JSON`,
		`{"topic":"a","retain":2}`:                         `2: 0, 1, true or false is expected`,
		`{"topic":"a","payload":"","payload_b64":""}`:      `"payload" and "payload_b64" are both there`,
		`{"topic":"a","properties":{"receive-maximum":1}}`: `properties: receive-maximum is none of a message`,
		`{"topic":"a","properties":{"payload-format-indicator":2}}`:               `properties: payload-format-indicator: must be from 0 to 1`,
		`{"topic":"a","properties":{"content-type":"x","content-type_b64":"eA"}}`: `properties: one of them is there twice, as text and in base64`,
		`{"topic":"a","properties":{"user-property":[["k","1"]]}}`:                `properties: user-property: these stand in user-properties, or as pairs in user-property-list`,
		`{"topic":"a","properties":{"user-properties":[]}}`:                       `properties: user-properties: an object is expected`,
	} {
		if _, err := parseMessageJSON([]byte(line)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// What looks like half a character or a cut payload, and is none.
func TestMessageJSONTakes(t *testing.T) {
	for line, want := range map[string]string{
		`{"topic":"a","payload":"\ud83d\uDE00 \\ud83d \u00e4"}`:                   "\U0001f600 \\ud83d ä",
		`{"ts":"2026-11-22T08:30:00Z","topic":"a","payloadlen":5,"payload":"ab"}`: "ab", // changed on its way
		`{"topic":"a","payloadlen":2,"payload":"edited"}`:                         "edited",
		`{"topic":"a","payloadlen":9,"payload":{"a":1}}`:                          `{"a":1}`,
		"{\"topic\":\"a\",\"payload\":\"x\"}\x00\x00":                             "x",
	} {
		if m, err := parseMessageJSON([]byte(line)); err != nil || string(m.Payload) != want {
			t.Errorf("%s: %v, %v", line, m, err)
		}
	}
}

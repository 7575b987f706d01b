package mqttwire

import "fmt"

// An Error is a packet that breaks the standard, or one that cannot be
// written. Reason is what 5.0 answers to it. Clause is the statement broken,
// "MQTT-3.3.1-4", or the section for rules without a number, "3.3"; packets of
// 5.0 are judged by 5.0, those of 3.x by 3.1.1 with the leniencies of 3.1.
type Error struct {
	Reason ReasonCode
	Clause string
	Detail string // a sentence without a full stop that begins with what is wrong
}

// Error reads "PUBLISH with QoS 3: malformed packet (0x81, MQTT-3.3.1-4)".
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s (0x%02X, %s)", e.Detail, e.Reason.Text(DISCONNECT), byte(e.Reason), e.Clause)
}

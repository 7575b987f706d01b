package commands

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"mqtk/mqttwire"
)

// A jsonMessage is a line of sub --json, or of mosquitto_sub -F %j, as it is
// read back. Other keys (tst, mid, dup) tell how a message arrived and are
// passed over.
type jsonMessage struct {
	TS         string                     `json:"ts"` // written by mqtk alone
	Topic      *string                    `json:"topic"`
	QoS        int64                      `json:"qos"`
	Retain     jsonFlag                   `json:"retain"`
	Payload    json.RawMessage            `json:"payload"`
	PayloadB64 *[]byte                    `json:"payload_b64"`
	PayloadLen int                        `json:"payloadlen"`
	Properties map[string]json.RawMessage `json:"properties"`
}

// A jsonFlag is 0, 1, true or false.
type jsonFlag bool

// UnmarshalJSON reads one.
func (f *jsonFlag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "1", "true":
		*f = true
	case "0", "false", "null":
		*f = false
	default:
		return fmt.Errorf("%s: 0, 1, true or false is expected", b)
	}
	return nil
}

// parseMessageJSON reads a message as appendMessageJSON writes it. Topic aliases
// and subscription identifiers belong to the connection that it came by, and
// are left out.
func parseMessageJSON(line []byte) (*mqttwire.Publish, error) {
	var j jsonMessage
	if err := readJSONLine(line, &j); err != nil {
		return nil, err
	}
	return j.publish()
}

// A jsonRecord is a jsonMessage with the time of its receipt.
type jsonRecord struct {
	jsonMessage
	Tst string `json:"tst"`
}

// parseRecordJSON reads a message and when it was received; that is zero where
// the line does not tell.
func parseRecordJSON(line []byte) (m *mqttwire.Publish, at time.Time, err error) {
	var j jsonRecord
	if err := readJSONLine(line, &j); err != nil {
		return nil, at, err
	}
	if m, err = j.publish(); err != nil {
		return nil, at, err
	}
	at, err = j.time()
	return m, at, err
}

// time prefers ts, which has nanoseconds. mosquitto_sub writes tst, before
// version 2.0.12 with a Z in front of its offset.
func (j *jsonRecord) time() (at time.Time, err error) {
	switch {
	case j.TS != "":
		if at, err = time.Parse(time.RFC3339Nano, j.TS); err != nil {
			return at, fmt.Errorf(`"ts": %q is no time as in RFC 3339`, j.TS)
		}
	case j.Tst != "":
		if at, err = time.Parse("2006-01-02T15:04:05.999999999-0700", strings.Replace(j.Tst, "Z", "", 1)); err != nil {
			return at, fmt.Errorf(`"tst": %q is no time`, j.Tst)
		}
	}
	return at, nil
}

// errTorn: a line that was not written to its end.
var errTorn = errors.New("the line ends in the middle of its JSON")

// readJSONLine reads an object. Bytes that are no UTF-8, and halves of
// characters, would be changed in silence. A crash may end a line anywhere, in
// the middle of a character, too, and leave NULs behind it.
func readJSONLine(line []byte, into any) error {
	line = bytes.TrimRight(line, "\x00")
	err := json.Unmarshal(line, into)
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) && syntax.Error() == "unexpected end of JSON input" {
		return errTorn
	}
	if !utf8.Valid(line) {
		return errors.New("no UTF-8, so it is no JSON: mosquitto_sub writes binary payloads so, mqtk sub --json does not")
	}
	if err != nil {
		return plainJSONError(err)
	}
	if half := loneSurrogate(line); half != nil {
		return fmt.Errorf("%s is half a character: the other half is missing", half)
	}
	return nil
}

// loneSurrogate finds an escape of JSON that is half of a UTF-16 pair, and
// stands alone.
func loneSurrogate(text []byte) []byte {
	const escape = len(`\ud83d`)
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return nil
		}
		text = text[i:]
		if text[1] != 'u' {
			text = text[2:]
			continue
		}
		first := escapedUnit(text)
		if !utf16.IsSurrogate(first) {
			text = text[escape:]
			continue
		}
		if rest := text[escape:]; len(rest) < escape || rest[0] != '\\' || rest[1] != 'u' || utf16.DecodeRune(first, escapedUnit(rest)) == utf8.RuneError {
			return text[:escape]
		}
		text = text[2*escape:]
	}
}

// escapedUnit is what the escape at the front of valid JSON, a u and four digits,
// stands for.
func escapedUnit(text []byte) rune {
	unit, _ := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(unit)
}

// publish checks and converts.
func (j *jsonMessage) publish() (*mqttwire.Publish, error) {
	if j.Topic == nil {
		return nil, errors.New(`"topic" is missing`)
	}
	if err := mqttwire.CheckTopicName(*j.Topic); err != nil {
		return nil, fmt.Errorf("topic %q: %s", *j.Topic, detailOf(err))
	}
	if j.QoS < 0 || j.QoS > 2 {
		return nil, fmt.Errorf(`"qos": %d is none of 0, 1 and 2`, j.QoS)
	}
	m := &mqttwire.Publish{Topic: *j.Topic, QoS: mqttwire.QoS(j.QoS), Retain: bool(j.Retain)}
	var err error
	if m.Payload, err = j.payload(); err != nil {
		return nil, err
	}
	m.Properties, err = parsePropertiesJSON(j.Properties)
	return m, err
}

// payload is text, bytes in base64, or JSON as it stands.
func (j *jsonMessage) payload() ([]byte, error) {
	switch {
	case j.PayloadB64 != nil && j.Payload != nil:
		return nil, errors.New(`"payload" and "payload_b64" are both there`)
	case j.PayloadB64 != nil:
		return *j.PayloadB64, nil
	case len(j.Payload) == 0 || string(j.Payload) == "null":
		return nil, nil
	case j.Payload[0] != '"':
		return j.Payload, nil
	}
	var text string
	err := json.Unmarshal(j.Payload, &text)
	if err == nil && j.TS == "" && len(text) < j.PayloadLen {
		return nil, fmt.Errorf(`"payloadlen" is %d, and "payload" has %s: mosquitto_sub -F %%j cuts payloads at a NUL, mqtk sub --json does not; a line without "payloadlen" is taken as it stands`, j.PayloadLen, plural(len(text), "byte", "bytes"))
	}
	return []byte(text), err
}

// parsePropertiesJSON reads the properties of a PUBLISH, in the order of their
// identifiers.
func parsePropertiesJSON(object map[string]json.RawMessage) (properties mqttwire.Properties, err error) {
	left := len(object)
	if _, ordered := object[userList]; ordered {
		left-- // it stands beside user-properties
	}
	for rule := range mqttwire.PropertyTable() {
		name := rule.Name
		value, given := object[name]
		if !given {
			name += "_b64"
			value, given = object[name]
		}
		if rule.ID == mqttwire.UserProperty {
			name = "user-properties"
			value, given = object[name]
			if list, ordered := object[userList]; ordered {
				properties, err = addUserList(properties, list)
				if given {
					left--
				}
				if err != nil {
					return nil, fmt.Errorf("properties: %s: %w", userList, err)
				}
				continue
			}
		}
		if !given {
			continue
		}
		left--
		if !rule.AllowedIn(mqttwire.PUBLISH, mqttwire.Either) {
			return nil, fmt.Errorf("properties: %s is none of a message", name)
		}
		if rule.ID == mqttwire.SubscriptionIdentifier || rule.ID == mqttwire.TopicAlias {
			continue
		}
		if properties, err = addPropertyJSON(properties, rule, value, strings.HasSuffix(name, "_b64")); err != nil {
			return nil, fmt.Errorf("properties: %s: %w", name, err)
		}
	}
	if left > 0 {
		return nil, fmt.Errorf("properties: %s", unknownJSONProperty(object))
	}
	return properties, nil
}

func unknownJSONProperty(object map[string]json.RawMessage) string {
	for name := range object {
		plain := strings.TrimSuffix(name, "_b64")
		if plain == "user-property" {
			return name + ": these stand in user-properties, or as pairs in " + userList
		}
		if _, ok := mqttwire.ParsePropertyID(plain); !ok && name != "user-properties" && name != userList {
			return fmt.Sprintf("%s is the name of none", visible(name))
		}
	}
	return "one of them is there twice, as text and in base64"
}

func addPropertyJSON(to mqttwire.Properties, rule mqttwire.PropertyRule, value json.RawMessage, b64 bool) (mqttwire.Properties, error) {
	switch {
	case rule.ID == mqttwire.UserProperty:
		return addUsersJSON(to, value)
	case rule.Kind != mqttwire.UTF8 && rule.Kind != mqttwire.Binary:
		var n uint32
		if err := json.Unmarshal(value, &n); err != nil {
			return nil, fmt.Errorf("%s: a number is expected", value)
		}
		if low, high := propertyRange(rule); uint64(n) < low || uint64(n) > high {
			return nil, fmt.Errorf("must be from %d to %d", low, high)
		}
		return to.AddNumber(rule.ID, n), nil
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, fmt.Errorf("%s: a text is expected", value)
	}
	if b64 {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no base64", text)
		}
		text = string(b)
	}
	if rule.Kind == mqttwire.Binary {
		return to.AddBinary(rule.ID, []byte(text)), nil
	}
	return to.AddText(rule.ID, text), nil
}

// userList has the user properties in an order that the object cannot show.
const userList = "user-property-list"

func addUserList(to mqttwire.Properties, value json.RawMessage) (mqttwire.Properties, error) {
	var list [][]string
	if err := json.Unmarshal(value, &list); err != nil {
		return nil, errors.New("an array of pairs is expected")
	}
	for _, pair := range list {
		if len(pair) != 2 {
			return nil, errors.New("an array of pairs is expected")
		}
		to = to.AddUser(pair[0], pair[1])
	}
	return to, nil
}

// addUsersJSON reads {"name":"value","name2":["a","b"]}, in its order.
func addUsersJSON(to mqttwire.Properties, value json.RawMessage) (mqttwire.Properties, error) {
	d := json.NewDecoder(bytes.NewReader(value))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("an object is expected")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, plainJSONError(err)
		}
		var values json.RawMessage
		if err := d.Decode(&values); err != nil {
			return nil, plainJSONError(err)
		}
		list := []string{""}
		if values[0] == '"' {
			err = json.Unmarshal(values, &list[0])
		} else {
			err = json.Unmarshal(values, &list)
		}
		if err != nil {
			return nil, fmt.Errorf("%v: a text or an array of texts is expected", name)
		}
		for _, v := range list {
			to = to.AddUser(name.(string), v)
		}
	}
	return to, nil
}

// plainJSONError says what is wrong without the words of the Go package.
func plainJSONError(err error) error {
	var (
		syntax *json.SyntaxError
		kind   *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, new(base64.CorruptInputError)):
		return errors.New(`"payload_b64" is no base64`)
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON: %s at byte %d", strings.TrimPrefix(syntax.Error(), "json: "), syntax.Offset)
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%q cannot be %s", kind.Field[strings.LastIndexByte(kind.Field, '.')+1:], jsonKind(kind.Value))
	case errors.As(err, &kind):
		return fmt.Errorf("an object is expected, not %s", jsonKind(kind.Value))
	}
	return err
}

// jsonKind is "an array" of "array", and "-1" of "number -1".
func jsonKind(value string) string {
	number, found := strings.CutPrefix(value, "number ")
	switch {
	case found:
		return number
	case strings.HasPrefix(value, "a"), strings.HasPrefix(value, "o"):
		return "an " + value
	}
	return "a " + value
}

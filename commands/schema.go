package commands

import (
	"encoding/json"
	"fmt"
	"strings"

	"mqtk/mqttwire"
)

// A schema is a JSON Schema, as far as the lines of sub --json need one. The
// order of its fields is that in which people read it.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Const       any                `json:"const,omitempty"`
	Enum        []any              `json:"enum,omitempty"`
	Minimum     *uint64            `json:"minimum,omitempty"`
	Maximum     *uint64            `json:"maximum,omitempty"`
	MinLength   int                `json:"minLength,omitempty"`
	Format      string             `json:"format,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Encoding    string             `json:"contentEncoding,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false or a schema
	MinItems    int                `json:"minItems,omitempty"`
	MaxItems    int                `json:"maxItems,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	OneOf       []*schema          `json:"oneOf,omitempty"`
	If          *schema            `json:"if,omitempty"`
	Then        *schema            `json:"then,omitempty"`
	Else        *schema            `json:"else,omitempty"`
	Not         *schema            `json:"not,omitempty"`
	Defs        map[string]*schema `json:"$defs,omitempty"`
}

// writeSchema is mqtk help --schema sub.
func (p *program) writeSchema(words []string) error {
	if len(words) != 1 || words[0] != "sub" {
		return usagef("--schema: there is one for the lines of sub --json: mqtk help --schema sub")
	}
	text, err := json.MarshalIndent(messageSchema(), "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "%s\n", text)
	return err
}

// messageSchema says what a line of sub --json is, and in $defs what one of
// stderr is meanwhile.
func messageSchema() *schema {
	return &schema{
		Schema:      "https://json-schema.org/draft/2020-12/schema",
		ID:          "urn:mqtk:schema:sub",
		Title:       "A message as mqtk sub --json prints it",
		Description: "One object on each line of stdout, of the files of --record, and for pub --jsonl. What stderr says meanwhile is a warning, an error or a verdict of $defs.",
		Type:        "object",
		Properties: map[string]*schema{
			"tst":         text(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d{4}$`, "time of receipt, as mosquitto_sub writes it"),
			"ts":          {Type: "string", Format: "date-time", Pattern: `\.\d{9}(Z|[+-]\d\d:\d\d)$`, Description: "time of receipt in RFC 3339, with nanoseconds"},
			"topic":       {Type: "string", MinLength: 1, Description: "topic name of the PUBLISH"},
			"qos":         whole(0, 2, "QoS at which it was delivered"),
			"retain":      whole(0, 1, "1: the RETAIN flag is set"),
			"dup":         whole(0, 1, "1: the DUP flag is set"),
			"payloadlen":  whole(0, 268435455, "bytes of the payload"),
			"mid":         whole(1, 65535, "packet identifier, at QoS 1 and 2"),
			"properties":  propertiesSchema(),
			"payload":     {Type: "string", Description: "the payload, where its bytes are UTF-8"},
			"payload_b64": base64Schema("the payload in base64, where its bytes are no UTF-8"),
		},
		Required:   []string{"tst", "ts", "topic", "qos", "retain", "dup", "payloadlen"},
		Additional: false,
		If:         &schema{Properties: map[string]*schema{"qos": {Const: 0}}},
		Then:       &schema{Not: required("mid")},
		Else:       required("mid"),
		OneOf:      []*schema{required("payload"), required("payload_b64")},
		Defs:       map[string]*schema{"warning": warningSchema(), "error": errorSchema(), "verdict": verdictSchema()},
	}
}

// propertiesSchema has what a broker may put into a PUBLISH.
func propertiesSchema() *schema {
	object := &schema{
		Type: "object", Additional: false, Properties: map[string]*schema{},
		Description: "properties of MQTT 5.0, where there are any",
	}
	for rule := range mqttwire.PropertyTable() {
		if !rule.AllowedIn(mqttwire.PUBLISH, mqttwire.Server) {
			continue
		}
		what := strings.ReplaceAll(rule.Name, "-", " ")
		low, high := propertyRange(rule)
		switch {
		case rule.ID == mqttwire.UserProperty:
			object.Properties["user-properties"] = usersSchema()
			object.Properties[userList] = userListSchema()
		case rule.ID == mqttwire.SubscriptionIdentifier:
			one := whole(low, high, "")
			object.Properties[rule.Name] = &schema{
				Description: what + ", or several of overlapping subscriptions",
				AnyOf:       []*schema{one, {Type: "array", MinItems: 2, Items: one}},
			}
		case rule.Kind == mqttwire.UTF8:
			object.Properties[rule.Name] = text("", what)
		case rule.Kind == mqttwire.Binary:
			object.Properties[rule.Name] = text("", what+", where its bytes are UTF-8")
			object.Properties[rule.Name+"_b64"] = base64Schema(what + " in base64, where its bytes are no UTF-8")
		default:
			object.Properties[rule.Name] = whole(low, high, what)
		}
	}
	return object
}

func usersSchema() *schema {
	value := text("", "")
	return &schema{
		Type: "object", Description: "user properties; a name that comes more than once has an array of values",
		Additional: &schema{AnyOf: []*schema{value, {Type: "array", MinItems: 2, Items: value}}},
	}
}

func userListSchema() *schema {
	return &schema{
		Type: "array", Description: "all user properties in their order, as pairs of name and value, where names alternate", MinItems: 3,
		Items: &schema{Type: "array", MinItems: 2, MaxItems: 2, Items: text("", "")},
	}
}

func warningSchema() *schema {
	return &schema{
		Description: "a line of stderr about the course of things", Type: "object", Additional: false,
		Properties: map[string]*schema{"warning": text("", "a sentence")}, Required: []string{"warning"},
	}
}

func errorSchema() *schema {
	codes := make([]any, 0, len(exitCodes()))
	for _, row := range exitCodes() {
		if row.Code != exitDone {
			codes = append(codes, row.Code)
		}
	}
	return &schema{
		Description: "a line of stderr about what went wrong", Type: "object", Additional: false,
		Properties: map[string]*schema{
			"error":       text("", "a sentence"),
			"exit":        {Enum: codes, Description: "what the command ends with"},
			"reason":      text("", "name of the reason code, where a broker gave one"),
			"reason_code": whole(0, 255, "its number"),
			"hints":       {Type: "array", Items: text("", ""), Description: "likely causes, and the flags that change them"},
		},
		Required: []string{"error", "exit"},
	}
}

// verdictSchema is what --expect and --seq come to.
func verdictSchema() *schema {
	seconds := func(what string) *schema { return &schema{Type: "number", Minimum: new(uint64), Description: what} }
	sequence := &schema{Type: "object", Additional: false, Properties: map[string]*schema{}, Description: "what --seq has counted"}
	for _, key := range []string{"numbered", "unnumbered", "missing", "twice", "late", "restarts", "sent_again"} {
		sequence.Properties[key] = &schema{Type: "integer", Minimum: new(uint64)}
		sequence.Required = append(sequence.Required, key)
	}
	expectation := &schema{
		Type: "object", Additional: false, Required: []string{"expect", "result", "detail"},
		Properties: map[string]*schema{
			"expect": text("", "as it was given"), "result": {Enum: []any{"ok", "failed", "undecided"}},
			"detail": text("", "why"), "after": seconds("seconds until it was known"),
		},
	}
	return &schema{
		Description: "a line of stderr about --expect and --seq", Type: "object", Additional: false,
		Properties: map[string]*schema{
			"verdict":      {Enum: []any{"passed", "failed", "undecided"}},
			"messages":     {Type: "integer", Minimum: new(uint64), Description: "that were judged"},
			"duration":     seconds("seconds"),
			"expectations": {Type: "array", Items: expectation, MinItems: 1},
			"sequence":     sequence,
		},
		Required: []string{"verdict", "messages", "duration", "expectations"},
	}
}

func text(pattern, what string) *schema {
	return &schema{Type: "string", Pattern: pattern, Description: what}
}

func base64Schema(what string) *schema {
	return &schema{Type: "string", Encoding: "base64", Pattern: `^[A-Za-z0-9+/]*={0,2}$`, Description: what}
}

func whole(low, high uint64, what string) *schema {
	return &schema{Type: "integer", Minimum: &low, Maximum: &high, Description: what}
}

func required(name string) *schema { return &schema{Required: []string{name}} }

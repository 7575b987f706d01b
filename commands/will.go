package commands

import (
	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// willOptions are the flags of the Will, the message that the broker publishes
// when the connection ends without a DISCONNECT.
type willOptions struct {
	Topic      string
	Payload    *string
	QoS        *uint8
	Retain     bool
	properties propertySet
	needs5     string
}

func (o *willOptions) flags() []cli.Flag {
	flags := []cli.Flag{
		valued("will-topic", "leave a will on `TOPIC`", toString(&o.Topic)),
		valued("will-payload", "let the will say `MESSAGE`", toStringOrEmpty(&o.Payload)),
		valued("will-qos", "publish the will at `QOS`", toNumberGiven(&o.QoS, 0, 2)),
		onOff("will-retain", "let the broker retain the will", &o.Retain),
		o.properties.readable("will-delay", "let the broker wait `TIME` before it publishes the will", mqttwire.WillProperties, mqttwire.WillDelayInterval),
	}
	return inCategory("Will", append(flags, o.properties.messageFlags("will-", mqttwire.WillProperties)...)...)
}

// will builds the Will; more are the properties that -D gave.
func (o *willOptions) will(more mqttwire.Properties) (*mqttwire.Will, error) {
	properties := o.properties.of(mqttwire.WillProperties)
	o.needs5 = o.properties.source
	if o.Topic == "" {
		if o.Payload != nil || o.QoS != nil || o.Retain || len(properties) > 0 || len(more) > 0 {
			return nil, usagef("a will needs --will-topic")
		}
		return nil, nil
	}
	if err := checkTopic("--will-topic", o.Topic); err != nil {
		return nil, err
	}
	for p := range more.All() {
		rule, _ := p.ID.Rule()
		if o.properties.has(mqttwire.WillProperties, p.ID) && !rule.Repeats(mqttwire.WillProperties) {
			return nil, usagef("%s of the will is given twice", rule.Name)
		}
	}
	w := &mqttwire.Will{Topic: o.Topic, Retain: o.Retain, Properties: append(properties, more...)}
	if o.Payload != nil {
		w.Payload = []byte(*o.Payload)
	}
	if len(w.Payload) > 65535 {
		return nil, usagef("--will-payload is longer than 65535 bytes")
	}
	if o.QoS != nil {
		w.QoS = mqttwire.QoS(*o.QoS)
	}
	return w, nil
}

// checkTopic refuses what is no topic to publish to.
func checkTopic(flag, topic string) error {
	if err := mqttwire.CheckTopicName(topic); err != nil {
		return usagef("%s: %v", flag, detailOf(err))
	}
	return nil
}

// checkFilter refuses what is no topic filter.
func checkFilter(flag, filter string) error {
	if err := mqttwire.CheckTopicFilter(filter); err != nil {
		return usagef("%s: %v", flag, detailOf(err))
	}
	return nil
}

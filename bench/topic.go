package bench

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"mqtk/mqttwire"
)

// Topics of those who publish here have the run's random word in them, so that no
// two runs disturb each other; publishers and subscribers that are two processes
// must find each other without.
const (
	ownTopics    = "mqtk/%r/%i"
	agreedTopics = "mqtk/bench/%i"
)

// checkTopic fills in the template of the topics, and refuses one that makes no
// topics, or too few.
func (p *Plan) checkTopic() error {
	if p.Topic == "" {
		p.Topic = ownTopics
		if p.Shape == PubOnly || p.Shape == SubOnly {
			p.Topic = agreedTopics
		}
	}
	if !hasNumber(p.Topic) && p.Topics > 1 {
		if p.Topics != p.defaultTopics() {
			return nonsense("Topic", "topic %s has no %%i in it, which %d topics need to differ", p.Topic, p.Topics)
		}
		p.Topics = 1
	}
	name, err := topicName(p.Topic, max(0, p.Topics-1), "000000")
	if err != nil {
		return err
	}
	if p.Shape == SubOnly {
		err = mqttwire.CheckTopicFilter(name)
	} else {
		err = mqttwire.CheckTopicName(name)
	}
	if err != nil {
		return nonsense("Topic", "topic %s: %v", p.Topic, err)
	}
	return nil
}

// hasNumber tells whether the topics of a template differ.
func hasNumber(template string) bool {
	name, _ := topicName(template, 1, "")
	other, _ := topicName(template, 2, "")
	return name != other
}

// topicName is the topic with a number, of a run with a word.
func topicName(template string, number int, word string) (string, error) {
	var b strings.Builder
	for {
		plain, rest, found := strings.Cut(template, "%")
		b.WriteString(plain)
		if !found {
			return b.String(), nil
		}
		switch {
		case strings.HasPrefix(rest, "i"):
			b.WriteString(strconv.Itoa(number))
		case strings.HasPrefix(rest, "r"):
			b.WriteString(word)
		case strings.HasPrefix(rest, "%"):
			b.WriteByte('%')
		default:
			_, n := utf8.DecodeRuneInString(rest)
			return "", nonsense("Topic", "%%%s stands for nothing in a topic: %%i is the number of the topic, %%r the run's random word, and %%%% a single %%", rest[:n])
		}
		template = rest[1:]
	}
}

// topicFilter is one filter for all topics of a template: %i must be a level of
// its own, once, in it. Where there is none, each topic has to be subscribed to.
func topicFilter(template, word string) (filter string, ok bool) {
	levels := strings.Split(template, "/")
	wild := 0
	for i, level := range levels {
		if level == "%i" {
			levels[i] = "+"
			wild++
		} else if hasNumber(level) {
			return "", false
		}
	}
	if wild == 0 {
		return "", false
	}
	filter, err := topicName(strings.Join(levels, "/"), 0, word)
	return filter, err == nil
}

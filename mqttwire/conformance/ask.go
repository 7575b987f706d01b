package conformance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// askPatience is how long a broker may take to answer for the first time.
const askPatience = 8 * time.Second

// ask finds out what the broker speaks and how fast, whether messages come
// through, and whether any name will do.
func (p *player) ask(ctx context.Context) {
	p.played.Versions, p.played.Silent = make(map[mqttwire.Version]string), make(map[mqttwire.Version]string)
	p.played.Have = slices.Clone(p.Options.Have)
	usual := p.Options.Patience
	p.Options.Patience = max(usual, askPatience)
	slowest := p.speaks(ctx)
	p.Options.Patience = min(askPatience, max(usual, 3*slowest))
	p.echoes(ctx)
	p.question(ctx, `=== anyone
# 3.1.1:
# 5.0:
1> CONNECT clean-start=1 client-id=${id} username=${id} password=${id}
1< CONNACK Success`, func(r Result) {
		if r.Outcome == Pass && !slices.Contains(p.played.Have, "anonymous") {
			p.played.Have = append(p.played.Have, "anonymous")
		}
	})
	p.Options.Have = p.played.Have
}

// speaks gives the time of the slowest answer.
func (p *player) speaks(ctx context.Context) (slowest time.Duration) {
	p.question(ctx, `=== speaks
# 5.0:
# 3.1.1:
1> CONNECT clean-start=1 client-id=${id}
1< CONNACK Success`, func(r Result) {
		if r.Outcome != Pass {
			p.played.Versions[r.Script.Version] = r.Got
			return
		}
		slowest = max(slowest, r.Elapsed)
	})
	return slowest
}

// echoes finds out whether a message comes through: not everybody may publish
// and subscribe everywhere, and that is nothing that a standard says.
func (p *player) echoes(ctx context.Context) {
	p.question(ctx, `=== echoes
# 5.0:
# 3.1.1:
1> CONNECT clean-start=1 client-id=${id}
1< CONNACK Success
1> SUBSCRIBE packet-id=1 filter=${topic}
1< SUBACK packet-id=1
1> PUBLISH topic=${topic} payload=echo
1< PUBLISH topic=${topic} payload=echo`, func(r Result) {
		if v := r.Script.Version; r.Outcome != Pass {
			p.played.Silent[v] = fmt.Sprintf("in MQTT %v no message comes through below mqtk/%s, perhaps for want of rights: at %s, %s",
				v, p.Options.Prefix, r.Expected, cmp.Or(r.Got, "nothing"))
		}
	})
}

// question plays scripts that stand in the text, in the versions that are spoken.
func (p *player) question(ctx context.Context, text string, heed func(Result)) {
	scripts, err := Parse("", text)
	if err != nil {
		panic(err) // it stands above
	}
	for _, s := range scripts {
		if _, refused := p.played.Versions[s.Version]; refused {
			continue
		}
		heed(Run(ctx, s, p.Dial, p.Options))
	}
}

// usesTopics tells a script that publishes or subscribes, a will included.
func (s *Script) usesTopics() bool {
	return slices.ContainsFunc(s.steps, func(st step) bool {
		if st.op != opSend && st.op != opHold {
			return false
		}
		it := &st.items[0]
		if it.isRaw {
			raw := strings.TrimLeft(it.raw, "( [")
			return strings.HasPrefix(raw, "3") || strings.HasPrefix(raw, "8") || strings.Contains(raw, "${topic}")
		}
		_, will := it.line.Get("will-topic")
		return will || it.line.Type == mqttwire.PUBLISH || it.line.Type == mqttwire.SUBSCRIBE
	})
}

package crash

import "fmt"

// A Kind is a way to break the promise.
type Kind int

const (
	LostQoS1 Kind = iota
	LostQoS2
	DuplicateQoS2
	LostSession
	ReturnedSession
	LostSubscription
	ReturnedSubscription
	LostRetained
	StaleRetained
	LostWill
	DuplicateWill
	Reordered
	Corrupted
	Unanswered
	Violation
	Died
	NotBack
	kinds
)

// Kinds lists all of them.
func Kinds() []Kind {
	all := make([]Kind, kinds)
	for k := range kinds {
		all[k] = k
	}
	return all
}

// Key is the name of a kind in JSON.
func (k Kind) Key() string { return k.row().key }

// String says what a count of the kind counts.
func (k Kind) String() string { return k.row().text }

type kindRow struct{ key, text string }

func (k Kind) row() kindRow {
	return [kinds]kindRow{
		LostQoS1:             {"lost_qos1", "deliveries of acknowledged QoS 1 messages lost"},
		LostQoS2:             {"lost_qos2", "deliveries of acknowledged QoS 2 messages lost"},
		DuplicateQoS2:        {"duplicate_qos2", "deliveries of QoS 2 messages that came before"},
		LostSession:          {"lost_sessions", "sessions lost"},
		ReturnedSession:      {"returned_sessions", "ended sessions that came back"},
		LostSubscription:     {"lost_subscriptions", "acknowledged subscriptions lost"},
		ReturnedSubscription: {"returned_subscriptions", "ended subscriptions that came back"},
		LostRetained:         {"lost_retained", "retained messages lost"},
		StaleRetained:        {"stale_retained", "retained messages older than the last acknowledged write"},
		LostWill:             {"lost_wills", "deliveries of wills lost"},
		DuplicateWill:        {"duplicate_wills", "deliveries of wills that came before"},
		Reordered:            {"reordered", "messages out of order"},
		Corrupted:            {"corrupted", "messages that nobody sent"},
		Unanswered:           {"unanswered", "messages that were never answered"},
		Violation:            {"violations", "violations of the protocol"},
		Died:                 {"died", "ends of the broker that nobody asked for"},
		NotBack:              {"not_back", "restarts that did not succeed"},
	}[k]
}

// An Example is one finding: who missed or got what.
type Example struct {
	Kind   string `json:"kind"`
	Client string `json:"client,omitempty"`
	Topic  string `json:"topic,omitempty"`
	Number int    `json:"number,omitempty"` // of the message on its topic, from 1
	Detail string `json:"detail,omitempty"`
}

func (e Example) String() string {
	text := e.Kind + ":"
	if e.Client != "" {
		text += " client " + e.Client
	}
	if e.Topic != "" {
		text += " topic " + e.Topic
	}
	if e.Number > 0 {
		text += fmt.Sprintf(" message %d", e.Number)
	}
	if e.Detail != "" {
		text += " (" + e.Detail + ")"
	}
	return text
}

// examplesKept bounds the examples of one kind.
const examplesKept = 5

// Findings counts what went wrong, with some examples of each kind.
type Findings struct {
	counts   [kinds]int
	examples [kinds][]Example
}

func (f *Findings) add(k Kind, e Example) {
	f.counts[k]++
	if len(f.examples[k]) < examplesKept {
		e.Kind = k.Key()
		f.examples[k] = append(f.examples[k], e)
	}
}

// Of is how often a kind was found.
func (f *Findings) Of(k Kind) int { return f.counts[k] }

// Total counts all findings.
func (f *Findings) Total() int {
	n := 0
	for _, count := range f.counts {
		n += count
	}
	return n
}

// Examples are a few of each kind.
func (f *Findings) Examples() []Example {
	var all []Example
	for _, e := range f.examples {
		all = append(all, e...)
	}
	return all
}

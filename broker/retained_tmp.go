package broker

func (b *Broker) restoreRetained(e *Event) {
	old, had := b.retained.names.Get(e.Topic)
	b.retained.version = max(b.retained.version, e.Sequence)
	switch {
	case had && old.version > e.Sequence:
		e.Replaces = e.Sequence
		return
	case had:
		e.Replaces = old.version
		b.retained.bytes -= int64(old.message.size())
	}
	if e.Message == nil {
		b.retained.names.Delete(e.Topic)
		return
	}
	m := e.Message.keep("")
	b.retained.bytes += int64(m.size())
	b.retained.names.Set(m.Topic, &retained{m, e.Sequence})
	if !m.Expires.IsZero() {
		b.retained.watch(b, m.Expires)
	}
}

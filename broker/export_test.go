package broker

// Panics is how many panics the last net has caught.
func (b *Broker) Panics() int64 { return b.metrics.panics.Load() }

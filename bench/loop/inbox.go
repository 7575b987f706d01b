package loop

import "sync"

// An inbox holds what other goroutines ask of a loop. Its owner is told that there
// is something in it by the means of the driver.
type inbox struct {
	mu    sync.Mutex
	todo  []func()
	spare []func() // todo's other array
	wake  bool     // Options.Wake is to be called
	ended bool     // nobody looks any more
}

// put adds f, or a wish to be woken where f is nil. False: the loop has ended.
func (i *inbox) put(f func()) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended {
		return false
	}
	if f == nil {
		i.wake = true
	} else {
		i.todo = append(i.todo, f)
	}
	return true
}

// take empties the inbox. The loop calls done with what it was given, afterwards.
func (i *inbox) take() (todo []func(), wake bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	todo, wake = i.todo, i.wake
	i.todo, i.spare, i.wake = i.spare[:0], nil, false
	return todo, wake
}

// done gives the array of take's functions back.
func (i *inbox) done(todo []func()) {
	clear(todo)
	i.spare = todo // the loop's own: put does not look at it
}

// end lets nothing more in.
func (i *inbox) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ended, i.todo = true, nil
}

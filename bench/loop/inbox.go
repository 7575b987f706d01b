package loop

import "sync"

// An inbox holds what other goroutines ask of a loop. Its owner is told that there
// is something in it by the means of the driver.
type inbox struct {
	mu    sync.Mutex
	todo  []func()
	spare []func() // todo's other array
	wake  bool     // Options.Wake is to be called
	sleep bool     // the loop waits, or is about to
	ended bool     // nobody looks any more

	telling sync.WaitGroup // those who are about to tell the loop
}

// put adds f, or a wish to be woken where f is nil. True: the loop sleeps, and is
// to be told; who tells it says so by told, before which its means are not closed.
func (i *inbox) put(f func()) (tell bool) {
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
	if tell = i.sleep; tell {
		i.sleep = false
		i.telling.Add(1)
	}
	return tell
}

func (i *inbox) told() { i.telling.Done() }

// rest says whether the loop may sleep.
func (i *inbox) rest() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sleep = len(i.todo) == 0 && !i.wake
	return i.sleep
}

// take empties the inbox. The loop calls done with what it was given, afterwards.
func (i *inbox) take() (todo []func(), wake bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	todo, wake = i.todo, i.wake
	i.todo, i.spare, i.wake, i.sleep = i.spare[:0], nil, false, false
	return todo, wake
}

// done gives the array of take's functions back.
func (i *inbox) done(todo []func()) {
	clear(todo)
	i.spare = todo // put does not look at it: it is the loop's own
}

// end lets nothing more in, and waits for those who are telling.
func (i *inbox) end() {
	i.mu.Lock()
	i.ended, i.sleep, i.todo = true, false, nil
	i.mu.Unlock()
	i.telling.Wait()
}

package commands

import (
	"os"
	"runtime"
)

// oneThread is for pub with many messages and for sub, which do one thing after the other: with more
// than one thread for Go code each hand-over between goroutines wakes another
// thread, which costs more than most messages do. (A window of 20 at a mosquitto
// broker, which answers each message by itself: pub -l took 1.2 to 1.3 times the
// CPU time of mosquitto_pub with two threads, 0.7 to 0.9 times with one.) What
// waits in a system call has a thread of its own all the same. GOMAXPROCS has
// its way where it is set; so has a test that runs the command within itself.
func (p *program) oneThread() {
	if p.Out == os.Stdout && p.getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}

package transport

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstInherited is the first descriptor that systemd passes on.
const firstInherited = 3

// maxInherited is more than anybody passes.
const maxInherited = 1000

// Inherited returns the listening sockets that a service manager has opened for
// this process, and their names: systemd says by LISTEN_PID who is meant, by
// LISTEN_FDS how many there are, and by LISTEN_FDNAMES what they are called, with
// colons between. They are not passed on to programs that this one starts; to take
// the variables out of the environment is for the caller. Wrap makes more of them.
func Inherited(getenv func(string) string) (listeners []net.Listener, names []string, err error) {
	if pid, err := strconv.Atoi(getenv("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil, nil, nil
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > maxInherited {
		return nil, nil, fmt.Errorf("LISTEN_FDS=%q is no number of sockets", getenv("LISTEN_FDS"))
	}
	defer func() {
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			listeners, names = nil, nil
		}
	}()
	given := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	for i := range n {
		name := "unknown" // as systemd has it
		if i < len(given) && given[i] != "" {
			name = given[i]
		}
		l, err := inherit(firstInherited+i, name)
		if err != nil {
			return listeners, names, fmt.Errorf("descriptor %d, which was passed on as %q: %w", firstInherited+i, name, err)
		}
		listeners, names = append(listeners, l), append(names, name)
	}
	return listeners, names, nil
}

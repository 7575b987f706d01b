package commands

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// A notifier tells the service manager that started us how we are, by the
// protocol of systemd's Type=notify. The zero notifier tells nobody.
type notifier struct{ conn net.Conn }

// supervision are the variables that a service manager speaks to us by. They
// are not for the command after --, which would speak in our name.
func supervision() []string {
	return []string{"NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}
}

// withoutSupervision is an environment for a command of ours.
func withoutSupervision(environment []string) []string {
	return slices.DeleteFunc(slices.Clone(environment), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(supervision(), name)
	})
}

// openNotifier dials the socket that the environment names: a path, or an
// abstract name behind @.
func openNotifier(getenv func(string) string) (notifier, error) {
	name := getenv("NOTIFY_SOCKET")
	if name == "" {
		return notifier{}, nil
	}
	if name[0] != '/' && name[0] != '@' {
		return notifier{}, fmt.Errorf("NOTIFY_SOCKET %s: is neither a path nor an abstract name (@)", name)
	}
	conn, err := net.Dial("unixgram", name)
	if err != nil {
		return notifier{}, fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	return notifier{conn}, nil
}

// tell sends assignments in one datagram. A service manager that has gone away is
// no reason to end.
func (n notifier) tell(assignments ...string) {
	if n.conn != nil {
		_, _ = n.conn.Write([]byte(strings.Join(assignments, "\n") + "\n"))
	}
}

func (n notifier) ready(status string) {
	n.tell("READY=1", "STATUS="+oneLine(status))
}

// reloading wants the time, so that the manager knows which READY=1 answers it.
func (n notifier) reloading() {
	n.tell(append([]string{"RELOADING=1", "STATUS=reading the configuration anew"}, monotonicTime()...)...)
}

func (n notifier) stopping(status string) { n.tell("STOPPING=1", "STATUS="+oneLine(status)) }

func (n notifier) close() {
	if n.conn != nil {
		n.conn.Close()
	}
}

// oneLine keeps a status from being read as several assignments.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

//go:build unix

package transport

import (
	"fmt"
	"os/user"
	"strconv"
)

// ownerOf finds the numbers of a user and a group, which may be given as such; -1:
// the one there is.
func ownerOf(owner, group string) (uid, gid int, err error) {
	uid, err = number(owner, func() (string, error) {
		u, err := user.Lookup(owner)
		if err != nil {
			return "", fmt.Errorf("owner %q: this system knows no such user", owner)
		}
		return u.Uid, nil
	})
	if err != nil {
		return 0, 0, err
	}
	gid, err = number(group, func() (string, error) {
		g, err := user.LookupGroup(group)
		if err != nil {
			return "", fmt.Errorf("group %q: this system knows no such group", group)
		}
		return g.Gid, nil
	})
	return uid, gid, err
}

func number(name string, lookup func() (string, error)) (int, error) {
	if name == "" {
		return -1, nil
	}
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	text, err := lookup()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

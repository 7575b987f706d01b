//go:build linux || darwin || freebsd || netbsd || openbsd

package authfile

import (
	"fmt"
	"os"
	"syscall"
)

func owner(info os.FileInfo) string {
	s := info.Sys().(*syscall.Stat_t)
	return fmt.Sprint(s.Uid, ":", s.Gid)
}

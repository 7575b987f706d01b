//go:build !linux

package journal

import "os"

// syncData is os.File.Sync: F_FULLFSYNC on darwin, where fsync alone leaves the
// data in the drive's cache, and FlushFileBuffers on Windows.
func syncData(f *os.File) error { return f.Sync() }

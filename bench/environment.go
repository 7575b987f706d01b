package bench

import "runtime"

// An Environment is where a run took place. What is not known is empty. It names
// nobody: no host, no user, no path.
type Environment struct {
	OS          string `json:"os"`
	Arch        string `json:"arch"`
	Kernel      string `json:"kernel,omitempty"` // its release
	CPUs        int    `json:"cpus"`             // that this process may use
	CPUModel    string `json:"cpu_model,omitempty"`
	MemoryBytes int64  `json:"memory_bytes,omitempty"`
	Go          string `json:"go"`
}

// CurrentEnvironment is that of this process.
func CurrentEnvironment() Environment {
	e := Environment{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()}
	e.ask()
	return e
}

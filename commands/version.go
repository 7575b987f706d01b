package commands

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// versionCommand is mqtk version [--json].
func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Flags: inCategory("Output", onOff("json", "as a JSON object", &p.json)),
		Action: func(*cli.Context) error {
			v := buildVersion()
			if !p.json {
				_, err := fmt.Fprintf(p.Out, "mqtk %s (%s, %s)\n", v.Version, v.Go, v.Platform)
				return err
			}
			line, err := json.Marshal(v)
			if err == nil {
				_, err = p.Out.Write(append(line, '\n'))
			}
			return err
		},
	}
}

type version struct {
	Version  string   `json:"version"`
	Revision string   `json:"revision,omitempty"`
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	MQTT     []string `json:"mqtt"`
}

// buildVersion is what the toolchain noted about this build.
func buildVersion() version {
	v := version{
		Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		MQTT: []string{"3.1", "3.1.1", "5.0"},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}

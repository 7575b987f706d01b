package capture

import (
	"fmt"
	"net"
	"strings"
)

// AllInterfaces is the name by which all interfaces are captured at once.
const AllInterfaces = "any"

// noInterface says which there are.
func noInterface(name string) error {
	names := []string{AllInterfaces}
	if all, err := net.Interfaces(); err == nil {
		for _, i := range all {
			names = append(names, i.Name)
		}
	}
	return fmt.Errorf("there is no interface %s; there are %s", name, strings.Join(names, ", "))
}

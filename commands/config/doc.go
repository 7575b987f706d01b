// Package config is what a broker can be told and how it is told it: one table
// of keys, which the reader of the config file, --set, --print-config, the man
// page and the importer of mosquitto.conf all use.
//
// A value comes from a flag, from MQTK_SET, from the file or from the table, in
// this order of strength; whoever calls puts the weaker in first:
//
//	c, problems := config.Read(path, text)        // or config.New()
//	err := c.Set("MQTK_SET", "limits.max_qos", "1")
//	err = c.Set("--set", "acl.no_match", "allow")
//	problems = append(problems, c.SetListeners("--listen", urls)...)
//	problems = append(problems, c.Check(probes)...)
//
// Every problem is found at once: the reader goes on behind a syntax error,
// an unknown key or a bad value, and Check looks at what only the whole can
// tell. So an operator mends a file once, not line by line.
//
// The file is read from the syntax tree of go-toml/v2 rather than into structs:
// the tree knows line and column of everything, says what type was written, and
// lets a size be 1048576 or "1MiB". What the tree does not check, that nothing
// is defined twice, is checked here.
package config

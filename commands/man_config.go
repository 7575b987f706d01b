package commands

import (
	"mqtk/commands/config"
)

const configStory = `serve -c FILE reads its configuration from a file in TOML. What flags say wins over MQTK_SET, that over the file, and the file over the defaults; --listen and -p take the place of all listeners of the file. --check looks for all that is wrong, opens the certificates, passwords and rules that are named, and ends with 0 or 2; --print-config writes what holds, as a file of this form, with where each value comes from.

A path is relative to the file that it stands in. Numbers may stand in quotes. A size takes k, M and G, which are powers of 1024, and a duration ms, s, m, h and d; a bare number counts bytes or seconds. Where a list of texts is allowed, one text may stand for a list of one. An unknown key is an error, and so is a key that has no effect where it stands.

HUP reads the file anew: if anything is wrong with it, it is told, and all stays as it was; else it holds from then on, and no connection ends but those of a listener that is gone. A key that needs a restart says so.

--set KEY=VALUE and MQTK_SET take all keys but those of listeners, with their table and a dot before them (acl.no_match), the limits without; the items of a list are separated by commas. The keys of a listener stand behind the URL of --listen: 'mqtts://:8883?cert=a.pem&key=a.key'.`

// configuration explains the file of serve, from the table that reads it.
func (r *roff) configuration() {
	r.heading("CONFIGURATION")
	r.paragraphs(configStory)
	table := "-"
	for _, k := range config.Schema() {
		if k.IsLimit() {
			continue
		}
		if k.Table() != table {
			table = k.Table()
			r.macro("SS", tableTitle(table))
		}
		r.row(k.Name(), k.Explain())
	}
	r.macro("SS", "[limits]")
	r.text("These have a list of their own, under LIMITS.")
	r.macro("SS", "A whole file")
	r.example(config.Example())
}

// configNotes is the same for the help, without the file.
func configNotes() manSection {
	s := manSection{heading: "CONFIGURATION", text: configStory}
	for _, k := range config.Schema() {
		if !k.IsLimit() {
			s.rows = append(s.rows, manRow{k.Path, k.Explain()})
		}
	}
	return s
}

func tableTitle(table string) string {
	switch table {
	case "":
		return "Before the first table"
	case "listener":
		return "[[listener]], once for each"
	}
	return "[" + table + "]"
}

package commands

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"mqtk/bench"
	"mqtk/mqttwire"
)

// toWarmup takes a time; none at all is said by a negative one in a plan, where 0
// is the default.
func (o *benchOptions) toWarmup(s string) error {
	if err := toDuration(&o.load.Warmup)(s); err != nil {
		return err
	}
	if o.load.Warmup == 0 {
		o.load.Warmup = -time.Second
	}
	return nil
}

func (o *benchOptions) toOutstanding(s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return errors.New("must be a number of messages, or 0 for no bound")
	}
	if o.load.Outstanding = int(n); n == 0 {
		o.load.Outstanding = -1
	}
	return nil
}

// toBroker takes a command as a shell would read it.
func (o *benchOptions) toBroker(s string) error {
	words := splitWords(s)
	switch {
	case len(words) == 0:
		return errors.New("must be a command")
	case !strings.Contains(s, "{port}"):
		return errors.New("needs {port} where the command takes its port, as in 'mosquitto -p {port}'")
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return fmt.Errorf("cannot run %s: %w", words[0], errors.Unwrap(err))
	}
	o.Brokers = append(o.Brokers, s)
	return nil
}

// splitWords reads a command: blanks separate its words, quotes keep them together,
// and a backslash takes what follows as it is.
func splitWords(s string) []string {
	var (
		words []string
		word  strings.Builder
		open  bool // there is a word, perhaps an empty one
		quote byte
	)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			word.WriteByte(s[i])
			open = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, open = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}

// defaultRows are what brokers are compared by where nobody says.
const defaultRows = "pairs/0 pairs/1 pairs/2 fan-in/0 fan-out/0 fan-out/1"

func (o *benchOptions) toRows(s string) error {
	if _, err := parseRows(s); err != nil {
		return err
	}
	o.Rows = s
	return nil
}

// A tableRow is what a row of a table measures.
type tableRow struct {
	shape bench.Shape
	qos   mqttwire.QoS
	size  int // 0: that of --size
}

// parseRows reads SHAPE/QOS[/BYTES], with blanks or commas between.
func parseRows(s string) ([]tableRow, error) {
	var rows []tableRow
	for _, text := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' }) {
		parts := strings.Split(text, "/")
		if len(parts) < 2 || len(parts) > 3 || !slices.Contains(shapesOf(benchBoth), parts[0]) {
			return nil, fmt.Errorf("%q is no row: it is SHAPE/QOS or SHAPE/QOS/BYTES, such as pairs/1 or fan-out/0/1024", text)
		}
		row := tableRow{shape: bench.Shape(parts[0])}
		if len(parts[1]) != 1 || parts[1][0] < '0' || parts[1][0] > '2' {
			return nil, fmt.Errorf("%q: QoS is 0, 1 or 2", text)
		}
		row.qos = mqttwire.QoS(parts[1][0] - '0')
		if row.shape == bench.Offline && row.qos == 0 {
			return nil, fmt.Errorf("%q: "+noneWaits, text)
		}
		if len(parts) == 3 {
			if err := toSizes(&row.size, new(int))(parts[2]); err != nil || strings.Contains(parts[2], "-") {
				return nil, fmt.Errorf("%q: BYTES is a number of %d or more", text, leastSize)
			}
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, errors.New("must be rows such as 'pairs/0 pairs/1'")
	}
	return rows, nil
}

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A Record is a saved result: what its JSON says.
type Record struct {
	Head
	Environment Environment        `json:"environment"`
	OK          bool               `json:"ok"`
	Notes       []string           `json:"notes"`
	Failures    []failureObject    `json:"failures"`
	Values      map[string]float64 `json:"-"` // by names of metrics; what is not known is not there
	Runs        []Record           `json:"-"` // the single runs, if there were more than one
}

// ReadRecord reads what MarshalJSON wrote, now or in a later version.
func ReadRecord(data []byte) (*Record, error) {
	var own struct {
		Runs []json.RawMessage `json:"runs"`
	}
	r, err := readOne(data)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &own); err != nil {
		return nil, said(err)
	}
	for i, text := range own.Runs {
		run, err := readOne(text)
		if err != nil {
			return nil, fmt.Errorf("run %d in it: %w", i+1, err)
		}
		r.Runs = append(r.Runs, *run)
	}
	return r, nil
}

func readOne(data []byte) (*Record, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, said(err)
	}
	if keys["mqtk"] == nil || keys["shape"] == nil {
		return nil, errors.New("this is JSON, but not a result that mqtk bench --json has written: it has no mqtk and no shape")
	}
	if keys["trials"] != nil {
		return nil, errors.New("this is the curve of a search for the highest rate, not the result of a run")
	}
	r := &Record{Values: map[string]float64{}}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, said(err)
	}
	objects, err := inner(keys)
	if err != nil {
		return nil, err
	}
	for _, m := range Metrics() {
		raw := keys[m.place()]
		if m.object != "" {
			raw = objects[m.object][m.key]
		}
		if err := r.read(m, raw); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// inner are the objects in which metrics stand, by their names in the table.
func inner(keys map[string]json.RawMessage) (map[string]map[string]json.RawMessage, error) {
	objects := map[string]map[string]json.RawMessage{}
	for _, m := range Metrics() {
		name := home(m)
		if name == "" || name == "phases" || objects[name] != nil || keys[name] == nil {
			continue
		}
		var o map[string]json.RawMessage
		if err := json.Unmarshal(keys[name], &o); err != nil {
			return nil, fmt.Errorf("%s: %w", name, said(err))
		}
		objects[name] = o
	}
	if keys["phases"] == nil {
		return objects, nil
	}
	var phases []map[string]json.RawMessage
	if err := json.Unmarshal(keys["phases"], &phases); err != nil {
		return nil, fmt.Errorf("phases: %w", said(err))
	}
	for _, p := range phases {
		var name string
		if json.Unmarshal(p["name"], &name) == nil {
			objects["phases."+name] = p
		}
	}
	return objects, nil
}

func (r *Record) read(m Metric, raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	if m.Unit == UnitTruth {
		var b *bool
		if err := json.Unmarshal(raw, &b); err != nil {
			return fmt.Errorf("%s: %w", m.Name, said(err))
		}
		if b != nil {
			r.Values[m.Name] = truth(*b)
		}
		return nil
	}
	var v *float64
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("%s: %w", m.Name, said(err))
	}
	if v != nil {
		r.Values[m.Name] = *v
	}
	return nil
}

// said is err of encoding/json as a sentence.
func said(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s is not what mqtk bench --json writes there: it is: %s", kind.Field, kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("not what mqtk bench --json writes: it is: %s", kind.Value)
	case errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "unexpected end"):
		return errors.New("not the JSON of mqtk bench --json: it ends early")
	}
	return fmt.Errorf("not the JSON of mqtk bench --json: %w", err)
}

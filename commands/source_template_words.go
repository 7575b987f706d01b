package commands

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"
)

// templateName is what a name with a dot stands for.
func templateName(word string) (templateTerm, bool) {
	switch word {
	case ".n":
		return func(s *templateScene) (any, error) { return s.n, nil }, true
	case ".line":
		return func(s *templateScene) (any, error) { return string(s.line), nil }, true
	case ".now":
		return func(s *templateScene) (any, error) { return s.now.Format(time.RFC3339Nano), nil }, true
	case ".unix":
		return func(s *templateScene) (any, error) { return int(s.now.Unix()), nil }, true
	case ".ms":
		return func(s *templateScene) (any, error) { return int(s.now.UnixMilli()), nil }, true
	case ".ns":
		return func(s *templateScene) (any, error) { return int(s.now.UnixNano()), nil }, true
	}
	return nil, false
}

// A templateFunction takes from least to most arguments.
type templateFunction struct {
	name, usage string
	least, most int
	call        func([]templateTerm) templateTerm
}

func templateFunctions() []templateFunction {
	return []templateFunction{
		{"add", "add A B", 2, 2, arithmetic(func(a, b int) int { return a + b }, func(a, b float64) float64 { return a + b })},
		{"sub", "sub A B", 2, 2, arithmetic(func(a, b int) int { return a - b }, func(a, b float64) float64 { return a - b })},
		{"mul", "mul A B", 2, 2, arithmetic(func(a, b int) int { return a * b }, func(a, b float64) float64 { return a * b })},
		{"mod", "mod A B", 2, 2, strict(modulo)},
		{"random", "random LOW HIGH", 2, 2, strict(randomBetween)},
		{"choose", `choose "A" "B" …`, 1, math.MaxInt, choice},
		{"uuid", "uuid", 0, 0, strict(func(*templateScene, []any) (any, error) { return randomUUID(), nil })},
		{"env", `env "NAME"`, 1, 1, strict(environment)},
		{"time", `time "%H:%M:%S"`, 1, 1, strict(formattedTime)},
		{"field", `field N "," .line`, 3, 3, strict(fieldOf)},
		{"json", "json .line", 1, 1, strict(jsonText)},
		{"printf", `printf "%05d" .n`, 1, math.MaxInt, strict(printedText)},
	}
}

func templateFunctionNamed(name string) (templateFunction, bool) {
	for _, f := range templateFunctions() {
		if f.name == name {
			return f, true
		}
	}
	return templateFunction{}, false
}

func unknownTemplateWord(word string) error {
	names := []string{".n", ".line", ".now", ".unix", ".ms", ".ns"}
	for _, f := range templateFunctions() {
		names = append(names, f.name)
	}
	if near := nearest(word, names); near != "" {
		return fmt.Errorf("there is no %s: did you mean %s?", visible(word), near)
	}
	return fmt.Errorf("there is no %s: there are %s", visible(word), strings.Join(names, ", "))
}

// strict makes a function of one of values.
func strict(f func(*templateScene, []any) (any, error)) func([]templateTerm) templateTerm {
	return func(arguments []templateTerm) templateTerm {
		return func(s *templateScene) (any, error) {
			values := make([]any, len(arguments))
			for i, argument := range arguments {
				var err error
				if values[i], err = argument(s); err != nil {
					return nil, err
				}
			}
			return f(s, values)
		}
	}
}

// choice works out the one that it chooses.
func choice(arguments []templateTerm) templateTerm {
	return func(s *templateScene) (any, error) { return arguments[rand.IntN(len(arguments))](s) }
}

func arithmetic(whole func(a, b int) int, broken func(a, b float64) float64) func([]templateTerm) templateTerm {
	return strict(func(_ *templateScene, v []any) (any, error) {
		a, isWhole := wholeNumber(v[0])
		b, isToo := wholeNumber(v[1])
		if isWhole && isToo {
			return whole(a, b), nil
		}
		x, err := number(v[0])
		if err != nil {
			return nil, err
		}
		y, err := number(v[1])
		return broken(x, y), err
	})
}

// wholeNumber takes numbers in text, too, for .line may be one.
func wholeNumber(v any) (int, bool) {
	if text, isText := v.(string); isText {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		return n, err == nil
	}
	n, ok := v.(int)
	return n, ok
}

func number(v any) (float64, error) {
	switch v := v.(type) {
	case int:
		return float64(v), nil
	case float64:
		return v, nil
	case string:
		if x, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			return x, nil
		}
	}
	return 0, fmt.Errorf("%q is no number", v)
}

func modulo(_ *templateScene, v []any) (any, error) {
	a, ok := wholeNumber(v[0])
	b, too := wholeNumber(v[1])
	if !ok || !too || b == 0 {
		return nil, fmt.Errorf("mod %v %v: two whole numbers are expected, the second not 0", v[0], v[1])
	}
	return a % b, nil
}

// randomBetween is a whole number from low to high, or, where one of them has a
// point, any number between them with as many decimals as make sense.
func randomBetween(_ *templateScene, v []any) (any, error) {
	low, whole := wholeNumber(v[0])
	high, too := wholeNumber(v[1])
	if whole && too {
		if low > high {
			return nil, fmt.Errorf("random %d %d: the first is more than the second", low, high)
		}
		if span := uint64(high) - uint64(low); span < math.MaxUint64 {
			return low + int(rand.Uint64N(span+1)), nil
		}
		return int(rand.Uint64()), nil
	}
	x, err := number(v[0])
	if err != nil {
		return nil, err
	}
	y, err := number(v[1])
	return x + (y-x)*rand.Float64(), err
}

// randomUUID is one of version 4.
func randomUUID() string {
	high, low := rand.Uint64()&^0xF000|0x4000, rand.Uint64()&^(3<<62)|1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xFFFF, high&0xFFFF, low>>48, low&(1<<48-1))
}

func environment(_ *templateScene, v []any) (any, error) {
	name, _ := v[0].(string)
	value, set := os.LookupEnv(name)
	if !set {
		return nil, missingVariable(name)
	}
	return value, nil
}

// A missingVariable is the name of one that the environment does not have.
type missingVariable string

func (v missingVariable) Error() string { return "the environment has no " + visible(string(v)) }

// formattedTime takes the letters of strftime(3).
func formattedTime(s *templateScene, v []any) (any, error) {
	format, _ := v[0].(string)
	var text []byte
	for {
		before, after, found := strings.Cut(format, "%")
		text = append(text, before...)
		switch {
		case !found:
			return string(text), nil
		case after == "":
			return nil, errors.New("time: a % at the end")
		case after[0] == '%':
			text = append(text, '%')
		case after[0] == '@' || strings.IndexByte(timeLetters, after[0]) < 0:
			return nil, fmt.Errorf("time: %%%c is unknown", after[0])
		default:
			text = appendTime(text, after[0], s.now)
		}
		format = after[1:]
	}
}

// fieldOf is the n-th part of a text, from 1.
func fieldOf(_ *templateScene, v []any) (any, error) {
	n, ok := v[0].(int)
	delim, isText := v[1].(string)
	text := string(appendTemplateValue(nil, v[2]))
	if !ok || n < 1 || !isText || delim == "" {
		return nil, fmt.Errorf(`field takes a number from 1, a text between the fields, and what it is to look at, as in field 2 "," .line`)
	}
	for left := n; left > 1; left-- {
		_, rest, found := strings.Cut(text, delim)
		if !found {
			return nil, fmt.Errorf("there is no field %d", n)
		}
		text = rest
	}
	field, _, _ := strings.Cut(text, delim)
	return field, nil
}

// jsonText is a text in quotes, or a number.
func jsonText(_ *templateScene, v []any) (any, error) {
	text, isText := v[0].(string)
	if !isText {
		return v[0], nil
	}
	return string(appendJSONText(nil, strings.ToValidUTF8(text, "\uFFFD"))), nil
}

func printedText(_ *templateScene, v []any) (any, error) {
	format, isText := v[0].(string)
	if !isText {
		return nil, errors.New("printf: the format is to be a text")
	}
	text := fmt.Sprintf(format, v[1:]...)
	if strings.Contains(text, "%!") && !strings.Contains(format, "%!") && misprints(format, v[1:]) {
		return nil, fmt.Errorf("printf %q: %s", format, text)
	}
	return text, nil
}

// misprints tells whether package fmt complains, by %! in its text: not those
// that stand in what is printed.
func misprints(format string, values []any) bool {
	plain := make([]any, len(values))
	for i, v := range values {
		plain[i] = v
		if text, isText := v.(string); isText {
			plain[i] = strings.ReplaceAll(text, "%", "_")
		}
	}
	return strings.Contains(fmt.Sprintf(format, plain...), "%!")
}

package condition

import (
	"bytes"
	"encoding/json"
)

// A step leads from an object to a member, or from an array to an element;
// a negative index counts from the end.
type step struct {
	key   string
	index int
	array bool
}

// isJSON tells whether the payload is an object or an array. The answer is
// found once for each message.
func (m *Message) isJSON() bool {
	if !m.checked {
		text := bytes.TrimLeft(m.Payload, " \t\r\n")
		m.checked = true
		m.json = len(text) > 0 && (text[0] == '{' || text[0] == '[') && json.Valid(text)
	}
	return m.json
}

// find follows a path through valid JSON; nil: it leads nowhere.
func find(b []byte, path []step) []byte {
	b = bytes.TrimSpace(b)
	for _, s := range path {
		switch {
		case s.array && b[0] == '[':
			b = element(b, s.index)
		case !s.array && b[0] == '{':
			b = member(b, s.key)
		default:
			return nil
		}
		if b == nil {
			return nil
		}
	}
	return b
}

// member finds the value of a key. Of several that are named alike the last
// counts, as with encoding/json and in JavaScript.
func member(b []byte, key string) (found []byte) {
	for i := space(b, 1); b[i] != '}'; {
		end := valueEnd(b, i)
		named := isKey(b[i:end], key)
		i = space(b, space(b, end)+1) // behind the colon
		end = valueEnd(b, i)
		if named {
			found = b[i:end]
		}
		if i = space(b, end); b[i] == ',' {
			i = space(b, i+1)
		}
	}
	return found
}

func isKey(quoted []byte, key string) bool {
	inside := quoted[1 : len(quoted)-1]
	plain := bytes.IndexByte(inside, '\\')
	if plain < 0 {
		return string(inside) == key
	}
	if len(key) < plain || string(inside[:plain]) != key[:plain] {
		return false
	}
	var text string
	return json.Unmarshal(quoted, &text) == nil && text == key
}

// element finds the element of an index; one from the end needs a second walk.
func element(b []byte, index int) []byte {
	if index < 0 {
		n := 0
		for range elements(b) {
			n++
		}
		index += n
	}
	if index < 0 {
		return nil
	}
	for e := range elements(b) {
		if index == 0 {
			return e
		}
		index--
	}
	return nil
}

func elements(b []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for i := space(b, 1); b[i] != ']'; {
			end := valueEnd(b, i)
			if !yield(b[i:end]) {
				return
			}
			if i = space(b, end); b[i] == ',' {
				i = space(b, i+1)
			}
		}
	}
}

// space finds the first byte from i on that is none.
func space(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r' {
		i++
	}
	return i
}

// valueEnd finds the end of the value at i, however deep it is.
func valueEnd(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = textEnd(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\t', '\n', '\r':
			i++
		default:
			i = wordEnd(b, i)
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// textEnd finds the end of a string, behind its quote.
func textEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// wordEnd finds the end of a number, true, false or null.
func wordEnd(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ',', ':', '}', ']', '{', '[', '"', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
	return i
}

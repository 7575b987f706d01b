package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// timeIn reads the time in a payload: all of it, or what is at path in JSON.
func timeIn(payload []byte, path string) (time.Time, error) {
	if path == "" {
		return readTime(strings.TrimSpace(string(payload)), "the payload")
	}
	var at any
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	if err := d.Decode(&at); err != nil {
		return time.Time{}, errors.New("the payload is no JSON: --age-from has nothing to look in")
	}
	for _, key := range strings.Split(path, ".") {
		if at = member(at, key); at == nil {
			return time.Time{}, fmt.Errorf("there is no %s in the payload: --age-from %s", key, path)
		}
	}
	switch at := at.(type) {
	case string:
		return readTime(at, path)
	case json.Number:
		return readTime(at.String(), path)
	}
	return time.Time{}, fmt.Errorf("%s is no time: neither text nor a number", path)
}

// member is that of an object or an array; nil: there is none.
func member(of any, key string) any {
	switch of := of.(type) {
	case map[string]any:
		return of[key]
	case []any:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(of) {
			return of[i]
		}
	}
	return nil
}

// readTime takes RFC 3339, or a number since 1970 whose size tells its unit.
func readTime(s, where string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	n, ok := new(big.Float), len(s) <= 40
	if ok {
		n, ok = n.SetString(s)
	}
	if !ok || n.Sign() <= 0 || n.IsInf() {
		return time.Time{}, fmt.Errorf("%s is no time, which is RFC 3339 or a number since 1970; --age-from names its place in JSON", where)
	}
	scale := int64(time.Second)
	for limit := 1e11; scale > 1 && n.Cmp(big.NewFloat(limit)) >= 0; limit *= 1e3 {
		scale /= 1000
	}
	ns, _ := n.Mul(n, new(big.Float).SetInt64(scale)).Int64()
	return time.Unix(0, ns), nil
}

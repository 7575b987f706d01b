package capture

import (
	"strings"
	"testing"
)

func TestAssembler(t *testing.T) {
	handshake := []string{">S 99", "<SA 499 100", "> 100 500"}
	for _, test := range []struct {
		name string
		say  []string
		want string
	}{
		{"in order", append(handshake[:3:3], "> 100 500 hello", "< 500 105 world", ">FA 105 505", "<FA 505 106", "> 106 506"),
			"0> 1 opened|0> 4 hello|0< 5 world|0> 6 closed|0< 7 closed"},
		{"reset", append(handshake[:3:3], "> 100 500 hello", "<R 500"),
			"0> 1 opened|0> 4 hello|0< 5 reset"},
		{"refused", []string{">S 99", "<RA 0 100"},
			"0> 1 opened|0< 2 reset"},
		{"lost and sent again", append(handshake[:3:3], "> 100 500 one", "> 106 500 three", "< 500 103 ONE", "> 103 503 two", "< 503 111 TWO"),
			"0> 1 opened|0> 4 one|0< 6 ONE|0> 7 two|0> 7 three|0< 8 TWO"},
		{"lost and never seen", append(handshake[:3:3], "> 100 500 one", "> 106 500 three", "< 500 111 ANSWER"),
			"0> 1 opened|0> 4 one|0> 5 missed 3|0> 5 three|0< 6 ANSWER"},
		{"lost at the end", append(handshake[:3:3], "> 100 500 one", "< 500 106 ANSWER"),
			"0> 1 opened|0> 4 one|0> 5 missed 3|0< 5 ANSWER"},
		{"an answer before what it answers to", append(handshake[:3:3], "< 500 103 ANSWER", "> 100 500 ask"),
			"0> 1 opened|0> 5 ask|0< 4 ANSWER"},
		{"overlap", append(handshake[:3:3], "> 100 500 abcd", "> 102 500 cdef", "> 108 500 ij", "> 104 500 efghijkl"),
			"0> 1 opened|0> 4 abcd|0> 5 repeated 2|0> 5 ef|0> 7 repeated 4|0> 7 gh|0> 7 ij|0> 7 kl"},
		{"keep-alive of TCP", append(handshake[:3:3], "> 100 500 abcd", "> 103 500 d", "> 103 500"),
			"0> 1 opened|0> 4 abcd"},
		{"round the end of sequence numbers", []string{">S 4294967293", "<SA 499 4294967294", "> 4294967294 500 abcd", "> 2 500 ef", "< 500 4 x"},
			"0> 1 opened|0> 3 abcd|0> 4 ef|0< 5 x"},
		{"midway", []string{"> 104 500 efgh", "> 100 500 abcd", "< 500 108 xy"},
			"0> 1 opened|0> 2 abcd|0> 2 efgh|0< 3 xy"},
		{"ports used again", append(handshake[:3:3], "> 100 500 a", "> 101 500 b", ">S 5000", "<SA 7000 5001", "> 5001 7001 c"),
			"0> 1 opened|0> 4 a|0> 5 b|1> 6 opened|1> 8 c"},
		{"a SYN sent again", []string{">S 99", ">S 99", "<SA 499 100", "> 100 500 a"},
			"0> 1 opened|0> 4 a"},
		{"data with the SYN", []string{">S 99 - ab", "<SA 499 100", "> 100 500 abc"},
			"0> 1 opened|0> 1 ab|0> 3 repeated 2|0> 3 c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := strings.ReplaceAll(shown(AssemblerOptions{}, newWire().say(test.say...).frames), "\n", "|")
			if got != test.want {
				t.Errorf("\ngot  %s\nwant %s", got, test.want)
			}
		})
	}
}

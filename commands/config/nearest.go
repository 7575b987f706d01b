package config

import "strings"

// nearest is the word that was probably meant, or "".
func nearest(s string, words []string) string {
	best, least := "", min(max(2, len(s)/3)+1, (len(s)+1)/2)
	for _, w := range words {
		if d := distance(w, s); d < least {
			best, least = w, d
		}
	}
	return best
}

func orMeant(word string) string {
	if word == "" {
		return ""
	}
	return "; did you mean " + word + "?"
}

// distance is the number of letters to change, add, remove or swap with their
// neighbour to get from a to b; case, and _ for -, cost nothing.
func distance(a, b string) int {
	fold := strings.NewReplacer("-", "_")
	a, b = fold.Replace(strings.ToLower(a)), fold.Replace(strings.ToLower(b))
	b = b[:min(len(b), 64)]
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

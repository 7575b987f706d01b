package commands

import (
	"fmt"
	"strconv"
	"time"
)

// timeLetters are the letters after @, those of strftime in the C locale, and
// N for the nanoseconds of the second. They mean the same on every platform.
const timeLetters = "@aAbBcCdDeFgGhHIjklmMnNpPrRsStTuUVwWxXyYzZ"

// appendTime appends what strftime says for one letter.
func appendTime(dst []byte, letter byte, t time.Time) []byte {
	if layout := timeLayout(letter); layout != "" {
		return t.AppendFormat(dst, layout)
	}
	switch letter {
	case '@':
		return append(dst, '@')
	case 'n':
		return append(dst, '\n')
	case 't':
		return append(dst, '\t')
	case 's':
		return strconv.AppendInt(dst, t.Unix(), 10)
	case 'N':
		return fmt.Appendf(dst, "%09d", t.Nanosecond())
	case 'C':
		return fmt.Appendf(dst, "%02d", t.Year()/100)
	case 'k':
		return fmt.Appendf(dst, "%2d", t.Hour())
	case 'l':
		return fmt.Appendf(dst, "%2d", (t.Hour()+11)%12+1)
	}
	return appendWeek(dst, letter, t)
}

// timeLayout is the layout of package time for a letter, if there is one.
func timeLayout(letter byte) string {
	switch letter {
	case 'a':
		return "Mon"
	case 'A':
		return "Monday"
	case 'b', 'h':
		return "Jan"
	case 'B':
		return "January"
	case 'c':
		return "Mon Jan _2 15:04:05 2006"
	case 'd':
		return "02"
	case 'D', 'x':
		return "01/02/06"
	case 'e':
		return "_2"
	case 'F':
		return "2006-01-02"
	case 'H':
		return "15"
	case 'I':
		return "03"
	case 'j':
		return "002"
	case 'm':
		return "01"
	case 'M':
		return "04"
	case 'p':
		return "PM"
	case 'P':
		return "pm"
	case 'r':
		return "03:04:05 PM"
	case 'R':
		return "15:04"
	case 'S':
		return "05"
	case 'T', 'X':
		return "15:04:05"
	case 'y':
		return "06"
	case 'Y':
		return "2006"
	case 'z':
		return "-0700"
	case 'Z':
		return "MST"
	}
	return ""
}

// appendWeek appends the letters that count weeks and their days.
func appendWeek(dst []byte, letter byte, t time.Time) []byte {
	isoYear, isoWeek := t.ISOWeek()
	sunday := int(t.Weekday()) // days since Sunday
	monday := (sunday + 6) % 7 // days since Monday
	switch letter {
	case 'g':
		return fmt.Appendf(dst, "%02d", isoYear%100)
	case 'G':
		return strconv.AppendInt(dst, int64(isoYear), 10)
	case 'V':
		return fmt.Appendf(dst, "%02d", isoWeek)
	case 'u':
		return strconv.AppendInt(dst, int64(monday+1), 10)
	case 'w':
		return strconv.AppendInt(dst, int64(sunday), 10)
	case 'U':
		return fmt.Appendf(dst, "%02d", (t.YearDay()+6-sunday)/7)
	case 'W':
		return fmt.Appendf(dst, "%02d", (t.YearDay()+6-monday)/7)
	}
	return dst
}

package bench

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseSources(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"127.0.0.1", "127.0.0.1"},
		{"127.0.0.1-127.0.0.4,::1", "127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4 ::1"},
		{" 127.0.0.2 , 127.0.0.1-127.0.0.2", "127.0.0.2 127.0.0.1"},
		{"10.0.0.255-10.0.1.1", "10.0.0.255 10.0.1.0 10.0.1.1"},
		{"10.0.0.9/30", "10.0.0.9 10.0.0.10"},
		{"10.0.0.9/31", "10.0.0.8 10.0.0.9"},
		{"10.0.0.9/32", "10.0.0.9"},
		{"2001:db8::/126", "2001:db8::1 2001:db8::2 2001:db8::3"},
		{"::ffff:127.0.0.1", "127.0.0.1"},
		{"fe80::1%eth-0", "fe80::1%eth-0"},
		{"fe80::1%a-fe80::2%a", "fe80::1%a fe80::2%a"},
		{"255.255.255.254-255.255.255.255", "255.255.255.254 255.255.255.255"},
	} {
		got, err := ParseSources(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		var words []string
		for _, a := range got {
			words = append(words, a.String())
		}
		if s := strings.Join(words, " "); s != test.want {
			t.Errorf("%s: %s, want %s", test.text, s, test.want)
		}
	}
	if all, err := ParseSources("10.0.0.0/16"); err != nil || len(all) != 65534 {
		t.Errorf("a network of 16 bits: %d addresses, %v", len(all), err)
	}
}

func TestParseSourcesRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "no address like",
		"localhost":               "no address like",
		"127.0.0.1,":              "no address like",
		"127.0.0.1-4":             "two whole addresses",
		"127.0.0.4-127.0.0.1":     "127.0.0.1-127.0.0.4",
		"127.0.0.1-::1":           "of one kind",
		"fe80::1%a-fe80::2%b":     "of one kind",
		"10.0.0.0/8":              "more than 65536",
		"::/0":                    "more than 65536",
		"10.0.0.0/33":             "like 10.0.0.0/24",
		"::ffff:10.0.0.0/120":     "like 10.0.0.0/24",
		"10.0.0.0-10.255.0.0":     "more than 65536",
		"1::-2::":                 "more than 65536",
		"10.0.0.0/16,10.0.0.9/29": "more than 65536",
		"0.0.0.0":                 "nothing can connect from 0.0.0.0",
		"::-::2":                  "nothing can connect from ::",
		"239.0.0.1":               "nothing can connect from 239.0.0.1",
	} {
		if got, err := ParseSources(text); err == nil {
			t.Errorf("%q: %d addresses", text, len(got))
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseSources(f *testing.F) {
	for _, seed := range []string{"127.0.0.1-127.0.0.4,::1", "10.0.0.0/24", "fe80::1%eth0", "::ffff:1.2.3.4/120", "255.255.255.255/1", "1::/112,1::/112"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseSources(text)
		if err != nil {
			if got != nil {
				t.Fatal("addresses beside an error")
			}
			return
		}
		if len(got) == 0 || len(got) > mostSources {
			t.Fatalf("%d addresses", len(got))
		}
		var words []string
		seen := make(map[netip.Addr]bool)
		for _, a := range got {
			if !a.IsValid() || a.Is4In6() || seen[a] {
				t.Fatalf("%v", a)
			}
			seen[a] = true
			words = append(words, a.String())
		}
		again, err := ParseSources(strings.Join(words, ","))
		if err != nil || len(again) != len(got) {
			t.Fatalf("written out, they are %d and not %d: %v", len(again), len(got), err)
		}
	})
}

package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"mqtk/bench"
)

func write(t testing.TB, d Document) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := d.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("%d bytes of %d, %v", n, b.Len(), err)
	}
	return b.Bytes()
}

func writeSheet(t testing.TB, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := (Sheet{Table: sideBySide(name)}).WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSheet: brokers stand side by side, with ratios where they can be told.
func TestSheet(t *testing.T) {
	page := writeSheet(t, "mqtk serve -p {port}")
	mustBeSound(t, page)
	text := html.UnescapeString(string(page))
	for _, want := range []string{"3 brokers side by side", "<dt>A</dt><dd>mqtk serve -p {port}</dd>", "pairs/1/64-1024 at 2,000/s, A to B", "(too few runs for an interval)", "<td>1.87 (1.72 to 2.05)</td>", "the generator was the limit in 1 of 1 runs"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
	if n := strings.Count(text, `class="interval"`); n != 4 { // CPU and memory of the third are not known, and one run has none
		t.Errorf("there are %d intervals", n)
	}
	if n := strings.Count(text, "<td>1.87 (1.72 to 2.05)</td>"); n != 2 {
		t.Errorf("faster and cheaper are the same factor: %d times", n)
	}
	plain := skeleton(t, page)
	for _, name := range []string{"<script>alert(1)</script>", `" onload="x`, "\x00\x1b</td></table>"} {
		hostile := writeSheet(t, name)
		mustBeSound(t, hostile)
		if skeleton(t, hostile) != plain {
			t.Errorf("%q makes another page", name)
		}
	}
	var b bytes.Buffer
	if _, err := (Sheet{Table: &bench.Table{}}).WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	mustBeSound(t, b.Bytes())
}

func TestPages(t *testing.T) {
	for name, d := range examples() {
		t.Run(name, func(t *testing.T) {
			page := write(t, d)
			mustBeSound(t, page)
			for _, slip := range []string{"%!", "NaN", "Inf", "<nil>", "{", "map["} {
				_, body, _ := bytes.Cut(page, []byte("</style>"))
				if i := bytes.Index(body, []byte(slip)); i >= 0 {
					t.Errorf("the page has %q: %s", slip, body[max(i-100, 0):min(i+100, len(body))])
				}
			}
		})
	}
}

// mustBeSound looks at the page as XML, which forgives nothing, and as a browser
// would.
func mustBeSound(t testing.TB, page []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(page)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("it is not well-formed: %v\n%s", err, page)
		}
	}
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, named := map[string]bool{}, []string{}
	charts := map[*html.Node]bool{} // sections with a chart, and whether they have a table
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		checkElement(t, n)
		for _, a := range n.Attr {
			switch {
			case a.Key == "id" && ids[a.Val]:
				t.Errorf("two elements have the id %q", a.Val)
			case a.Key == "id":
				ids[a.Val] = true
			case a.Key == "aria-labelledby":
				named = append(named, strings.Fields(a.Val)...)
			}
		}
		for s := range n.Ancestors() {
			if s.Data == "section" && (n.Data == "figure" || n.Data == "table") {
				charts[s] = charts[s] || n.Data == "table"
			}
		}
	}
	for _, id := range named {
		if !ids[id] {
			t.Errorf("a name is that of %q, which is not there", id)
		}
	}
	for s, table := range charts {
		if !table {
			t.Errorf("the section %v has charts and no table", s.Attr)
		}
	}
}

// checkElement: nothing is loaded, nothing runs, and what is seen can be heard.
func checkElement(t testing.TB, n *html.Node) {
	t.Helper()
	allowed := " html head meta link title style body main header section h1 h2 h3 p span time ul li table caption thead tbody tr th td" +
		" div figure figcaption details summary dl dt dd pre code svg desc line text rect path circle "
	if !strings.Contains(allowed, " "+n.Data+" ") {
		t.Errorf("there is an element %s", n.Data)
	}
	attributes := map[string]string{}
	for _, a := range n.Attr {
		attributes[a.Key] = a.Val
		if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" || a.Key == "href" && a.Val != "data:," {
			t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
		}
	}
	switch n.Data {
	case "svg":
		if attributes["role"] == "img" {
			if n.FirstChild == nil || n.FirstChild.Data != "title" || n.FirstChild.NextSibling == nil || n.FirstChild.NextSibling.Data != "desc" {
				t.Error("a chart has no title or no description")
			}
		} else if attributes["aria-hidden"] == "" && n.Parent.Data != "svg" {
			t.Error("a picture is neither hidden from readers nor has it a name")
		}
	case "style":
		if css := n.FirstChild.Data; strings.Contains(css, "url(") || strings.Contains(css, "@import") {
			t.Error("the style loads something")
		}
	case "th":
		if attributes["scope"] == "" {
			t.Error("a head of a table does not say what it is of")
		}
	}
}

// hostile is every text from elsewhere.
func hostile(text string) Document {
	r := brokenPromise()
	r.Runs = []*bench.Result{openLoop(), openLoop()}
	r.Plan.Topic, r.Plan.Target.Name, r.Program = text, text, text
	r.Command = []string{"mqtk", text}
	r.Environment = bench.Environment{OS: text, Arch: text, Kernel: text, CPUModel: text, Go: text}
	r.Failures[0].Text, r.Notes = text, []string{text}
	r.Judged[0].Text = text
	r.Generator.Limited, r.Generator.Why = true, text
	r.Connections.Refused, r.Connections.Failed = map[string]int{text: 1}, map[string]int{text: 2}
	r.Phases = []bench.Phase{{Name: text, Count: 3, Seconds: 1}}
	r.Plan.Shape = bench.Shape(text)
	c := search()
	c.Objectives, c.Notes, c.Trials[9].Why = []string{text}, []string{text}, text
	return Document{Result: r, Curve: c}
}

// FuzzHostile: whatever a text is, it is text, and the elements of the page are
// those of any other.
func FuzzHostile(f *testing.F) {
	for _, text := range []string{
		"<script>alert(1)</script>", `" onload="alert(1)`, "' onload='x", "</style><svg onload=x>", "]]><!--", "--><b>", "&lt;&amp;&#60;",
		"\x00\x01\x1b[31m", "\xff\xfe", "\u202egnp.exe", "\ufffe\uffff", "\r\n\t", strings.Repeat("a", 5000), "%s%d%!", "</title></pre></code>", "javascript:x", "'; rm -rf /; '", " ",
	} {
		f.Add(text)
	}
	plain := skeleton(f, write(f, hostile("x")))
	f.Fuzz(func(t *testing.T, text string) {
		if strings.TrimSpace(text) == "" {
			text = "x" + text // nothing is not shown
		}
		page := write(t, hostile(text))
		mustBeSound(t, page)
		if got := skeleton(t, page); got != plain {
			t.Errorf("%q makes another page", text)
		}
	})
}

// skeleton is the elements of a page with the names of their attributes.
func skeleton(t testing.TB, page []byte) string {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch n.Type {
		case html.ElementNode:
			b.WriteString("<" + n.Data)
			for _, a := range n.Attr {
				b.WriteString(" " + a.Key)
			}
			b.WriteString(">")
		case html.CommentNode:
			b.WriteString("<!>")
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
		b.WriteString("/")
	}
	walk(root)
	return b.String()
}

// TestTextIsShown: what is escaped is read as it was.
func TestTextIsShown(t *testing.T) {
	const text = `a<b> & "c" 'd' </p>`
	root, err := html.Parse(bytes.NewReader(write(t, hostile(text))))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	if n := strings.Count(b.String(), text); n < 14 {
		t.Errorf("the text is there %d times", n)
	}
	if got := string(escape("a\x00b\u202ec\xffd\ue000\U0001F600")); got != "a\uFFFDb\uFFFDc\uFFFDd\ue000\U0001F600" {
		t.Errorf("escaped: %q", got)
	}
}

// TestPlanIsShown: what would be needed to do it again is there.
func TestPlanIsShown(t *testing.T) {
	page := html.UnescapeString(string(write(t, Document{Result: openLoop()})))
	for _, want := range []string{
		"<dd>64 to 1,024 bytes</dd>", "<dd>2,000/s, whatever the broker does (open loop)</dd>", "<dd>100 unacknowledged a publisher</dd>", "<dd>bench/%r/%i</dd>",
		"<span>--expect</span> <span>'p99<10ms,lost=0'</span>", "<span>'my report.html'</span>", "<dd>linux 6.12.20</dd>", "<dd>8.20 GB</dd>", "<dd>v1.2.3</dd>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// TestOddNumbers: no figure breaks the page, likely or not.
func TestOddNumbers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	whole := func() int64 {
		odd := []int64{0, 1, -1, 2, 9, 10, 999, 1_000_000, math.MaxInt64, math.MinInt64, random.Int64(), random.Int64N(1e6)}
		return odd[random.IntN(len(odd))]
	}
	real := func() float64 {
		odd := []float64{0, 1, -1, 1e-9, 1e-300, 1e300, 0.5, 17.3, 1e6, float64(whole())}
		return odd[random.IntN(len(odd))]
	}
	histogram := func() *bench.Histogram {
		h := &bench.Histogram{}
		for range random.IntN(4) {
			h.Record(whole(), max(whole()%1e9, 0))
		}
		return h
	}
	for range 60 {
		r := brokenPromise()
		r.Seconds, r.Plan.Rate = real(), real()
		r.Counts = bench.Counts{Sent: whole(), Acknowledged: whole(), Expected: whole(), Delivered: whole(), Lost: whole(), Reordered: whole(), Disordered: whole()}
		r.Latency, r.Service, r.Acknowledge, r.Connect = histogram(), histogram(), histogram(), histogram()
		r.Plan.Shape = []bench.Shape{bench.Pairs, bench.PubOnly, bench.SubOnly, bench.Ramp}[random.IntN(4)]
		r.Series = r.Series[:0]
		for range random.IntN(50) {
			r.Series = append(r.Series, bench.Point{
				At: real(), Seconds: real(), Sent: whole(), Delivered: whole(), P50: time.Duration(whole()), P99: time.Duration(whole()), Max: time.Duration(whole()),
				Connected: int(whole()), BrokerCPU: real(), BrokerRSS: whole(),
			})
		}
		if random.IntN(2) == 0 {
			r.Broker = &bench.Process{CPUSeconds: real(), RSS: whole(), PeakRSS: whole()}
		}
		if random.IntN(3) == 0 {
			r.Runs = []*bench.Result{openLoop(), {}, repeated()}
		}
		mustBeSound(t, write(t, Document{Result: r}))
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 7, errors.New("no space left") }

func TestWriteFails(t *testing.T) {
	if n, err := (Document{Result: openLoop()}).WriteTo(brokenWriter{}); err == nil || n != 7 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestVerdict(t *testing.T) {
	missed := openLoop()
	missed.Judged[1].Kept = false
	nothing := search()
	nothing.Max = nil
	more := search()
	more.Next = 0
	weak := search()
	weak.Max, weak.LimitedByGenerator = nil, true
	for _, test := range []struct {
		document Document
		state    state
		words    string
	}{
		{Document{Result: openLoop()}, good, "All was delivered, once and in order, and the objectives were kept"},
		{Document{Result: brokenPromise()}, bad, "The broker did not keep what QoS 2 promises"},
		{Document{Result: missed}, bad, "Not what was expected"},
		{Document{Result: repeated()}, caution, "; the latencies hold the generator"},
		{Document{Curve: search()}, good, "12,000/s is the highest rate that keeps p99<10ms, lost=0"},
		{Document{Curve: more}, caution, "At least 12,000/s keep"},
		{Document{Curve: weak}, caution, "This machine is too busy or too small to measure a rate for p99"},
		{Document{Curve: nothing}, bad, "No rate keeps p99<10ms, lost=0"},
	} {
		var b bytes.Buffer
		if _, err := test.document.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		mustBeSound(t, b.Bytes())
		_, heading, _ := strings.Cut(b.String(), "<header class=\""+string(test.state)+"\">")
		heading, _, _ = strings.Cut(heading, "</h1>")
		if !strings.Contains(html.UnescapeString(heading), test.words) {
			t.Errorf("the heading is %s, want %s: %s", heading, test.state, test.words)
		}
	}
}

// TestNothingFound: where a search has found no rate, the first figure is not that
// of a run that missed.
func TestNothingFound(t *testing.T) {
	for want, weak := range map[string]bool{"none": false, "not known": true} {
		c := search()
		c.Max, c.LimitedByGenerator = nil, weak
		var b strings.Builder
		if _, err := (Document{Curve: c}).WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if tile := `<span class="name">highest rate</span><span class="value">` + want + "</span>"; !strings.Contains(b.String(), tile) || strings.Contains(b.String(), `<span class="name">delivered</span>`) {
			t.Errorf("limited by the generator %t: no %s", weak, tile)
		}
	}
}

// TestStormHeading: a storm is of the connections that are lost, however often.
func TestStormHeading(t *testing.T) {
	var b bytes.Buffer
	if _, err := (Document{Result: storm()}).WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if want := "20,000 connections, lost and made again 2 times, MQTT 3.1.1"; !strings.Contains(b.String(), want) {
		t.Errorf("the page does not say %q", want)
	}
}

package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// unbroken is a page whose texts are as long and as hard to break as can be.
func unbroken() Document {
	d := hostile(strings.Repeat("W", 300))
	d.Curve = nil
	return d
}

// A gallery serves pages to a browser, in frames of some widths, with a script
// beside them that measures. It notes what else the browser asks for.
type gallery struct {
	pages map[string][]byte
	mu    sync.Mutex
	asked []string
}

func (g *gallery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if page, ok := g.pages[path.Base(r.URL.Path)]; ok {
		_, _ = w.Write(page)
		return
	}
	if r.URL.Path == "/" {
		fmt.Fprint(w, "<!DOCTYPE html><link rel=icon href='data:,'><body>")
		for name := range g.pages {
			for _, width := range []int{360, 800, 1280} {
				fmt.Fprintf(w, "<iframe src='/%s' title='%s at %d' style='border:0;width:%dpx;height:900px'></iframe>", name, name, width, width)
			}
		}
		fmt.Fprintf(w, "<pre id=report></pre><script>%s</script>", measure)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, r.URL.String())
	http.NotFound(w, r)
}

// measure looks at each frame once all are loaded: texts must be within the width
// and the letters of no two may touch, nor those of the page a chart; they must be
// large enough, and stand out from what is behind them.
const measure = `
addEventListener('load', () => {
  const found = [];
  const luminance = (c) => {
    const [r, g, b] = c.match(/[\d.]+/g).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  for (const frame of document.querySelectorAll('iframe')) {
    const d = frame.contentDocument, w = d.defaultView;
    const say = (text) => found.push(frame.title + ': ' + text);
    const width = d.documentElement.clientWidth;
    if (d.documentElement.scrollWidth > width) say('it is ' + d.documentElement.scrollWidth + ' wide of ' + width);
    const behind = (e) => {
      for (; e; e = e.parentElement) {
        const c = w.getComputedStyle(e).backgroundColor;
        if (c && !c.endsWith(', 0)')) return luminance(c);
      }
      return 1;
    };
    const texts = [];
    const walk = d.createTreeWalker(d.body, NodeFilter.SHOW_TEXT);
    for (let n = walk.nextNode(); n; n = walk.nextNode()) {
      const e = n.parentElement, words = n.data.trim();
      if (!words || !e.checkVisibility() || e.closest('title, desc, .unseen')) continue;
      const chart = e.closest('svg'), style = w.getComputedStyle(e);
      const range = d.createRange();
      range.selectNodeContents(n);
      for (const box of range.getClientRects()) if (box.width && box.height) texts.push({words, box, chart, scrolls: !!e.closest('.scroll')});
      const size = parseFloat(style.fontSize);
      if (size < 11.9) say('the letters of "' + words + '" are ' + size + ' px');
      const ratio = contrast(luminance(chart ? style.fill : style.color), behind(e));
      if (ratio < 4.5) say('the contrast of "' + words + '" is ' + ratio.toFixed(1));
    }
    const charts = [...d.querySelectorAll('.plot > svg')].map((e) => e.getBoundingClientRect());
    const touch = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
    texts.forEach((a, i) => {
      if (!a.scrolls && (a.box.left < 0 || a.box.right > width)) say('"' + a.words + '" goes from ' + a.box.left + ' to ' + a.box.right + ' of ' + width);
      if (!a.chart && charts.some((c) => touch(a.box, c))) say('"' + a.words + '" lies on a chart');
      for (const b of texts.slice(i + 1)) if (touch(a.box, b.box) && !a.scrolls) say('"' + a.words + '" touches "' + b.words + '"');
    });
    say('looked at ' + texts.length + ' texts, ' + charts.length + ' charts');
  }
  document.getElementById('report').textContent = JSON.stringify({found, dark: matchMedia('(prefers-color-scheme: dark)').matches});
});`

// TestLayout looks at the pages with a browser, in light and dark, from a phone's
// width to a desk's.
func TestLayout(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes some seconds")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not there: apt-get install chromium")
	}
	g := &gallery{pages: map[string][]byte{"unbroken": write(t, unbroken()), "sheet": writeSheet(t, "mqtk serve -p {port} --data /somewhere")}}
	all := examples()
	for _, name := range []string{"open", "broken", "storm", "repeated", "search"} {
		g.pages[name] = write(t, all[name])
	}
	server := httptest.NewServer(g)
	defer server.Close()
	for _, dark := range []bool{false, true} {
		t.Run(map[bool]string{false: "light", true: "dark"}[dark], func(t *testing.T) {
			report := browse(t, chromium, server.URL, dark)
			if report.Dark != dark {
				t.Errorf("the browser prefers dark: %v", report.Dark)
			}
			looked := 0
			for _, text := range report.Found {
				if strings.Contains(text, "looked at ") {
					looked++
				} else {
					t.Error(text)
				}
			}
			if want := 3 * len(g.pages); looked != want {
				t.Errorf("it has looked at %d frames of %d", looked, want)
			}
		})
	}
	if len(g.asked) > 0 {
		t.Errorf("the pages load %q", slices.Compact(g.asked))
	}
}

type layoutReport struct {
	Found []string
	Dark  bool
}

// browse has Chromium open the gallery and gives what the script found.
func browse(t *testing.T, chromium, url string, dark bool) (report layoutReport) {
	t.Helper()
	args := []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir(), "--virtual-time-budget=60000", "--dump-dom"}
	if dark {
		args = append(args, "--force-dark-mode")
	}
	cmd := exec.CommandContext(t.Context(), chromium, append(args, url)...)
	cmd.WaitDelay = 10 * time.Second
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.Bytes())
	}
	root, err := html.Parse(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Data == "pre" && n.FirstChild != nil {
			if err := json.Unmarshal([]byte(n.FirstChild.Data), &report); err != nil {
				t.Fatal(err)
			}
			return report
		}
	}
	t.Fatalf("the script says nothing\n%s", problems.Bytes())
	return report
}

package page

import (
	"math"
	"slices"
	"strconv"
)

// A chart is drawn as SVG that takes all the width there is: places across are in
// percent, and what must be stretched, the curves, lies in a box of its own.
// Letters, strokes and dots keep their size.
type chart struct {
	id     markup // unique on the page
	title  string
	desc   string // for those who do not see it
	height int
	x, y   axis
	lines  []line
	bars   []bar
	spots  []spot
	marks  []mark
	hovers []hover
}

// A line is a curve. Its colour says what it is, all over the page: one for what
// is usual, one for what is seldom, one for the extreme; each has a stroke of its
// own as well.
type line struct {
	name   string
	stroke stroke
	points []point // x goes up; a y that is not a number is a gap
	area   bool    // below it is filled
	dots   bool    // each point has a dot
}

type point struct{ x, y float64 }

type stroke markup

const (
	first  stroke = "s1"
	second stroke = "s2"
	third  stroke = "s3"
)

// A bar stands on the x axis.
type bar struct {
	from, to, y float64
	text        string
}

// A spot is a single value.
type spot struct {
	x, y   float64
	stroke stroke
	hollow bool
	text   string
}

// A mark is a line across with words: upright at x, or level at y.
type mark struct {
	x, y  float64 // one of them is not a number
	label string
	row   int  // in which the words of an upright one are
	left  bool // of it they are, if there is room; otherwise on its right
	class markup
}

// A hover is a column that says text under the pointer.
type hover struct {
	from, to float64
	text     string
}

var none = math.NaN()

func percent(v float64) markup { return markup(strconv.FormatFloat(100*v, 'f', 2, 64) + "%") }

func tenth(v float64) markup { return markup(strconv.FormatFloat(v, 'f', 1, 64)) }

// down is how far y is below the top, in pixels.
func (c *chart) down(y float64) float64 { return float64(c.height) * (1 - c.y.at(y)) }

func (c *chart) draw(p *pen) {
	if c.height == 0 {
		c.height = 240
	}
	p.put("<figure class=\"chart\">\n")
	p.put(`<div class="key"><span class="unit">%s</span>`, c.y.title)
	if len(c.lines) > 1 {
		for _, l := range c.lines {
			p.put(`<span class="entry"><svg class="swatch" width="26" height="10" aria-hidden="true"><line class="%s" x1="1" y1="5" x2="25" y2="5"/></svg>%s</span>`, markup(l.stroke), l.name)
		}
	}
	p.put("</div>\n")
	p.put(`<div class="plot"><svg width="100%%" height="%d" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>`,
		c.height+24, c.id, c.id, c.id, c.title, c.id, c.desc)
	c.drawGrid(p)
	c.drawBars(p)
	c.drawLines(p)
	c.drawMarks(p)
	for _, s := range c.spots {
		class := markup(s.stroke)
		if s.hollow {
			class += " hollow"
		}
		p.put(`<circle class="dot %s" cx="%s" cy="%s" r="4.5"><title>%s</title></circle>`, class, percent(c.x.at(s.x)), tenth(c.down(s.y)), s.text)
	}
	for _, h := range c.hovers {
		from, to := c.x.at(h.from), c.x.at(h.to)
		p.put(`<rect class="hover" x="%s" y="0" width="%s" height="%d"><title>%s</title></rect>`, percent(from), percent(to-from), c.height, h.text)
	}
	p.put("</svg></div>\n<figcaption>%s</figcaption>\n</figure>\n", c.x.title)
}

func (c *chart) drawGrid(p *pen) {
	for _, t := range c.y.ticks {
		y := tenth(c.down(t.value))
		p.put(`<line class="grid" x1="0" x2="100%%" y1="%s" y2="%s"/>`, y, y)
		if t.label == "" {
			continue
		}
		p.put(`<text class="tick" x="-8" y="%s" dy="0.32em" text-anchor="end">%s</text>`, y, t.label)
	}
	for _, t := range c.x.ticks {
		x := percent(c.x.at(t.value))
		p.put(`<line class="tickmark" x1="%s" x2="%s" y1="%d" y2="%d"/>`, x, x, c.height, c.height+4)
		if t.label == "" {
			continue
		}
		class := markup("tick")
		if t.minor {
			class = "tick minor"
		}
		p.put(`<text class="%s" x="%s" y="%d" text-anchor="middle">%s</text>`, class, x, c.height+18, t.label)
	}
	p.put(`<line class="base" x1="0" x2="100%%" y1="%d" y2="%d"/>`, c.height, c.height)
}

func (c *chart) drawBars(p *pen) {
	for _, b := range c.bars {
		from, to, top := c.x.at(b.from), c.x.at(b.to), c.down(b.y)
		p.put(`<rect class="bar" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`,
			percent(from), tenth(top), percent((to-from)*0.9), tenth(float64(c.height)-top), b.text)
	}
}

// wide is the width of the box that is stretched.
const wide = 1000

func (c *chart) drawLines(p *pen) {
	if len(c.lines) == 0 {
		return
	}
	p.put(`<svg class="box" x="0" y="0" width="100%%" height="%d" viewBox="0 0 %d %d" preserveAspectRatio="none">`, c.height, wide, c.height)
	for _, l := range slices.Backward(c.lines) { // the first lies on top
		if l.area {
			p.put(`<path class="area" d="%s"/>`, c.path(l.points, true))
		}
		p.put(`<path class="%s" vector-effect="non-scaling-stroke" d="%s"/>`, markup(l.stroke), c.path(l.points, false))
	}
	p.put("</svg>")
	for _, l := range slices.Backward(c.lines) {
		for i, at := range l.points {
			alone := (i == 0 || math.IsNaN(l.points[i-1].y)) && (i == len(l.points)-1 || math.IsNaN(l.points[i+1].y))
			if (l.dots || alone) && !math.IsNaN(at.y) {
				p.put(`<circle class="dot %s" cx="%s" cy="%s" r="3.5"/>`, markup(l.stroke), percent(c.x.at(at.x)), tenth(c.down(at.y)))
			}
		}
	}
}

// path goes through points, piece by piece; closed, each piece goes down to the x
// axis at its ends.
func (c *chart) path(points []point, closed bool) markup {
	var b []byte
	place := func(command byte, x, y float64) {
		b = append(b, command)
		b = strconv.AppendFloat(b, wide*c.x.at(x), 'f', 1, 64)
		b = append(b, ' ')
		b = strconv.AppendFloat(b, y, 'f', 1, 64)
	}
	for len(points) > 0 {
		n := 0
		for n < len(points) && !math.IsNaN(points[n].y) {
			n++
		}
		piece := points[:n]
		points = points[min(n+1, len(points)):]
		if n == 0 {
			continue
		}
		command := byte('M')
		if closed {
			place('M', piece[0].x, float64(c.height))
			command = 'L'
		}
		for _, at := range piece {
			place(command, at.x, c.down(at.y))
			command = 'L'
		}
		if closed {
			place('L', piece[n-1].x, float64(c.height))
			b = append(b, 'Z')
		}
	}
	return markup(b)
}

func (c *chart) drawMarks(p *pen) {
	for _, m := range c.marks {
		if math.IsNaN(m.x) {
			y := c.down(m.y)
			p.put(`<line class="mark %s" x1="0" x2="100%%" y1="%s" y2="%s"/>`, m.class, tenth(y), tenth(y))
			p.put(`<text class="label %s" x="6" y="%s">%s</text>`, m.class, tenth(max(y-6, 12)), m.label)
			continue
		}
		at := c.x.at(m.x)
		p.put(`<line class="mark %s" x1="%s" x2="%s" y1="0" y2="%d"/>`, m.class, percent(at), percent(at), c.height)
		anchor, side := markup("start"), 6
		if at > 0.62 || m.left && at > 0.3 {
			anchor, side = "end", -6
		}
		p.put(`<text class="label %s" x="%s" dx="%d" y="%d" text-anchor="%s">%s</text>`, m.class, percent(at), side, 14+18*m.row, anchor, m.label)
	}
}

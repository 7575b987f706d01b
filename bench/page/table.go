package page

// A table is numbers beside a chart, or for themselves. The first column says what
// the others are of.
type table struct {
	caption string
	columns []string
	rows    [][]string
	bottom  int // so many rows at the end are a summary
}

func (p *pen) table(t table) {
	p.put("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"%s\"><table><caption>%s</caption>\n<thead><tr>", t.caption, t.caption)
	for _, c := range t.columns {
		p.put(`<th scope="col">%s</th>`, c)
	}
	p.put("</tr></thead>\n<tbody>\n")
	for i, row := range t.rows {
		class := markup("")
		if i >= len(t.rows)-t.bottom {
			class = ` class="sum"`
		}
		p.put(`<tr%s><th scope="row">%s</th>`, class, row[0])
		for _, cell := range row[1:] {
			p.put("<td>%s</td>", cell)
		}
		p.put("</tr>\n")
	}
	p.put("</tbody></table></div>\n")
}

// folded is a table that is opened by those who want it.
func (p *pen) folded(title string, t table) {
	p.put("<details><summary>%s</summary>\n", title)
	p.table(t)
	p.put("</details>\n")
}

// list is terms and what they are.
func (p *pen) list(pairs [][2]string) {
	p.put("<dl>\n")
	for _, pair := range pairs {
		p.put("<div><dt>%s</dt><dd>%s</dd></div>\n", pair[0], pair[1])
	}
	p.put("</dl>\n")
}

package main

import (
	"fmt"
	"html"
	"strings"
	"time"

	"zego.com/workprovider/pkg/timeline"
)

// slotsPerDay is how many marks a day has in text.
const slotsPerDay = 24 * 4

// textChart is a day in text: a scale, the facts, the shifts.
func textChart(day timeline.Day, steps []timeline.Step, shifts []timeline.Shift) string {
	quarter := timeline.Instant(15 * time.Minute / time.Microsecond)
	var scale strings.Builder
	for hour := 0; hour < 24; hour += 3 {
		fmt.Fprintf(&scale, "%02d          ", hour)
	}
	said := []byte(strings.Repeat(".", slotsPerDay))
	insured := []byte(strings.Repeat(".", slotsPerDay))
	for _, step := range steps {
		f := step.Fact
		if f.At.Day() != day {
			continue
		}
		mark := byte('>')
		if f.Kind == timeline.Logout {
			mark = '<'
		}
		at := (f.At - day.Start()) / quarter
		if said[at] != '.' && said[at] != mark {
			mark = 'x'
		}
		said[at] = mark
	}
	for _, s := range shifts {
		first := max(s.Start, day.Start())
		last := min(s.End, day.End()) - 1
		for at := (first - day.Start()) / quarter; at <= (last-day.Start())/quarter; at++ {
			insured[at] = '#'
		}
	}
	return fmt.Sprintf("         %s24\nevents   %s\ninsured  %s", scale.String(), said, insured)
}

// The measures of a picture, in pixels: an hour is 40 wide, so that a minute can be seen.
const (
	hourWidth  = 40
	leftMargin = 24
	dayWidth   = 24 * hourWidth
	rowHeight  = 90
	headHeight = 50
	markWidth  = 8 // of the triangle, whose tip is the instant
)

// svgChart is a day as SVG: for each work provider a bar for each shift, and a mark for each event, grey if it had no
// effect. What the colours say stands in words, too.
func svgChart(stories []explanationView) string {
	var svg strings.Builder
	height := headHeight + rowHeight*len(stories)
	fmt.Fprintf(
		&svg,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="sans-serif" font-size="13">`+"\n",
		dayWidth+2*leftMargin,
		height,
		dayWidth+2*leftMargin,
		height,
	)
	svg.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	for hour := 0; hour <= 24; hour += 3 {
		x := leftMargin + hour*hourWidth
		fmt.Fprintf(
			&svg,
			`<path d="M%d 30V%d" stroke="#ccc"/><text x="%d" y="22" text-anchor="middle">%02d:00</text>`+"\n",
			x,
			height-10,
			x,
			hour,
		)
	}
	for row, v := range stories {
		y := headHeight + row*rowHeight
		fmt.Fprintf(&svg, `<text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", leftMargin+4, y+14,
			html.EscapeString(fmt.Sprintf("%s at %s, %s UTC", v.CustomerNumber, v.WorkProvider, v.Day)))
		for _, s := range v.shifts {
			from := xOf(max(s.Start, v.day.Start()), v.day)
			to := xOf(min(s.End, v.day.End()), v.day)
			fmt.Fprintf(
				&svg,
				`<rect x="%.1f" y="%d" width="%.1f" height="22" fill="#1d70b8"><title>%s to %s, %s</title></rect>`+"\n",
				from,
				y+26,
				to-from,
				formatInstant(s.Start),
				formatInstant(s.End),
				s.EndedBy,
			)
		}
		for _, step := range v.steps {
			f := step.Fact
			if f.At.Day() != v.day {
				continue
			}
			mark := "▲ in"
			colour := "#00703c"
			if f.Kind == timeline.Logout {
				mark = "▲ out"
				colour = "#b10e1e"
			}
			if step.Outcome.State != timeline.Applied {
				mark = mark + ", no effect"
				colour = "#505a5f"
			}
			fmt.Fprintf(
				&svg,
				`<text x="%.1f" y="%d" font-size="10" fill="%s">%s<title>%s of %s at %s</title></text>`+"\n",
				xOf(
					f.At,
					v.day,
				)-markWidth/2,
				y+62,
				colour,
				mark,
				f.Kind,
				html.EscapeString(displayName(f.Name)),
				formatInstant(f.At),
			)
		}
	}
	svg.WriteString("</svg>\n")
	return svg.String()
}

// xOf is where an instant of a day stands.
func xOf(at timeline.Instant, day timeline.Day) float64 {
	return leftMargin + dayWidth*float64(at-day.Start())/float64(day.End()-day.Start())
}

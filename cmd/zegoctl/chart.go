package main

import (
	"fmt"
	"html"
	"strings"
	"time"

	"zego.com/workprovider/pkg/timeline"
)

// slotsPerDay is the number of characters of a day in a text chart.
const slotsPerDay = 24 * 4

// textChart draws a day as text: the hours, the facts, and the shifts.
func textChart(day timeline.Day, steps []timeline.Step, shifts []timeline.Shift) string {
	slot := timeline.Instant(24 * time.Hour / slotsPerDay / time.Microsecond)
	var scale strings.Builder
	for hour := 0; hour < 24; hour += 3 {
		fmt.Fprintf(&scale, "%02d          ", hour)
	}
	eventMarks := []byte(strings.Repeat(".", slotsPerDay))
	coverMarks := []byte(strings.Repeat(".", slotsPerDay))
	for _, step := range steps {
		f := step.Fact
		if f.At.Day() != day {
			continue
		}
		mark := byte('>')
		if f.Kind == timeline.Logout {
			mark = '<'
		}
		at := (f.At - day.Start()) / slot
		if eventMarks[at] != '.' && eventMarks[at] != mark {
			mark = 'x'
		}
		eventMarks[at] = mark
	}
	for _, s := range shifts {
		first := max(s.Start, day.Start())
		last := min(s.End, day.End()) - 1
		for at := (first - day.Start()) / slot; at <= (last-day.Start())/slot; at++ {
			coverMarks[at] = '#'
		}
	}
	return fmt.Sprintf("         %s24\nevents   %s\ninsured  %s", scale.String(), eventMarks, coverMarks)
}

// Dimensions of an SVG chart, in pixels. An hour is 40 wide, so that a minute is visible.
const (
	hourWidth  = 40
	leftMargin = 24
	dayWidth   = 24 * hourWidth
	rowHeight  = 90
	headHeight = 50
	markWidth  = 8 // of the triangle, whose tip is the instant
)

// svgChart draws a day as SVG: for each work provider a bar per shift and a mark per event, grey if it has no effect.
// The labels repeat what the colours mean.
func svgChart(views []explanationView) string {
	var svg strings.Builder
	height := headHeight + rowHeight*len(views)
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" `+
		`role="img" font-family="sans-serif" font-size="13">`+"\n", dayWidth+2*leftMargin, height)
	svg.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	for hour := 0; hour <= 24; hour += 3 {
		x := leftMargin + hour*hourWidth
		fmt.Fprintf(&svg, `<path d="M%[1]d 30V%[2]d" stroke="#ccc"/>`+
			`<text x="%[1]d" y="22" text-anchor="middle">%02[3]d:00</text>`+"\n", x, height-10, hour)
	}
	for row, v := range views {
		y := headHeight + row*rowHeight
		fmt.Fprintf(&svg, `<text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", leftMargin+4, y+14,
			html.EscapeString(fmt.Sprintf("%s at %s, %s UTC", v.CustomerNumber, v.WorkProvider, v.Day)))
		for _, s := range v.shifts {
			from := xOf(max(s.Start, v.day.Start()), v.day)
			to := xOf(min(s.End, v.day.End()), v.day)
			title := fmt.Sprintf("%s to %s, %s", formatInstant(s.Start), formatInstant(s.End), s.EndedBy)
			fmt.Fprintf(&svg, `<rect x="%.1f" y="%d" width="%.1f" height="22" fill="#1d70b8"><title>%s</title></rect>`+"\n",
				from, y+26, to-from, title)
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
			title := html.EscapeString(fmt.Sprintf("%s of %s at %s", f.Kind, displayName(f.Name), formatInstant(f.At)))
			fmt.Fprintf(&svg, `<text x="%.1f" y="%d" font-size="10" fill="%s">%s<title>%s</title></text>`+"\n",
				xOf(f.At, v.day)-markWidth/2, y+62, colour, mark, title)
		}
	}
	svg.WriteString("</svg>\n")
	return svg.String()
}

// xOf returns the x coordinate of an instant of a day.
func xOf(at timeline.Instant, day timeline.Day) float64 {
	return leftMargin + dayWidth*float64(at-day.Start())/float64(day.End()-day.Start())
}

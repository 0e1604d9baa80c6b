package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"text/template"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// progress tells what a long step has come to.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "      "+format+" ...\n", args...) }

// machine is what the figures were measured on.
func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(text), "model name"); ok {
			name, _, _ := strings.Cut(after, "\n")
			model = strings.Trim(name, "\t :")
		}
	}
	version := runtime.Version()
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.GoVersion
	}
	return fmt.Sprintf("%d cores of %s, %s, %s", runtime.NumCPU(), model, runtime.GOOS, version)
}

//go:embed performance.md.tmpl
var pageText string

// write writes performance.md, and beside it the pictures and the results as JSON.
func (r *results) write(docs string) error {
	folder := filepath.Join(docs, "performance")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "results.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	if err := r.draw(folder); err != nil {
		return err
	}
	page, err := template.New("performance.md").Funcs(template.FuncMap{"dollars": dollars}).Parse(pageText)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := page.Execute(&b, r); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(docs, "performance.md"), []byte(b.String()), 0o644)
}

// series are curves by name, with their order.
type series []struct {
	name   string
	points plotter.XYs
}

// draw draws every picture.
func (r *results) draw(folder string) error {
	curve := func(value func(b bills) float64) (points plotter.XYs) {
		for _, b := range r.Costs {
			points = append(points, plotter.XY{X: float64(b.Size), Y: value(b)})
		}
		return points
	}
	costs := series{
		{"naive design", curve(func(b bills) float64 { return b.Naive.Services() })},
		{"login and logout apart", curve(func(b bills) float64 { return b.Apart.Services() })},
		{"login and logout together", curve(func(b bills) float64 { return b.Together.Services() })},
		{"facts only", curve(func(b bills) float64 { return b.Apart.Facts() })},
		{"limit: a fact and a record", curve(func(bills) float64 { return recordLimit })},
		{"limit: a fact", curve(func(bills) float64 { return factLimit })},
	}
	costChart := chart{
		file:   "cost.svg",
		title:  "Cost of a million events",
		x:      "events per request",
		y:      "dollars",
		logX:   true,
		curves: costs,
	}
	if err := costChart.draw(folder); err != nil {
		return err
	}
	micros := func(points []point) (xys plotter.XYs) {
		for _, p := range points {
			xys = append(xys, plotter.XY{X: float64(p.X), Y: p.Micros.Median})
		}
		return xys
	}
	batches := series{{"login and logout apart", micros(r.Growth.BatchSize)}}
	sizeChart := chart{
		file:   "batch-size.svg",
		title:  "Processor time per event",
		x:      "events per message",
		y:      "microseconds",
		logX:   true,
		curves: batches,
	}
	if err := sizeChart.draw(folder); err != nil {
		return err
	}
	days := series{{"all facts of a day at once", micros(r.Growth.FactsADay)}}
	dayChart := chart{
		file:   "facts-a-day.svg",
		title:  "Processor time per event",
		x:      "facts of a person on one day",
		y:      "microseconds",
		logX:   true,
		curves: days,
	}
	if err := dayChart.draw(folder); err != nil {
		return err
	}
	behind := func(all []past) plotter.XYs {
		points := plotter.XYs{{X: 0, Y: 1}}
		for _, p := range all {
			points = append(points, plotter.XY{X: float64(p.Days), Y: p.Ratio.Median})
		}
		return points
	}
	ratios := series{{"shifts", behind(r.Growth.Shifts)}, {"LOGINs without a LOGOUT", behind(r.Growth.Open)}}
	return chart{
		file:   "history.svg",
		title:  "Processor time per event",
		x:      "days of history",
		y:      "relative to an empty history",
		curves: ratios,
	}.draw(folder)
}

// chart is a line chart.
type chart struct {
	file, title, x, y string
	logX              bool // the x axis is logarithmic
	curves            series
}

// draw writes the chart as an SVG file to a folder.
func (c chart) draw(folder string) error {
	p := plot.New()
	p.Title.Text = c.title
	p.X.Label.Text = c.x
	p.Y.Label.Text = c.y
	p.Y.Min = 0
	if c.logX {
		p.X.Scale = plot.LogScale{}
		p.X.Tick.Marker = plot.LogTicks{Prec: -1}
	}
	p.Add(plotter.NewGrid())
	p.Legend.Top = true
	for i, curve := range c.curves {
		line, points, err := plotter.NewLinePoints(curve.points)
		if err != nil {
			return err
		}
		line.Color = plotutil.Color(i)
		points.Color = plotutil.Color(i)
		points.Shape = plotutil.Shape(i)
		p.Add(line, points)
		p.Legend.Add(curve.name, line, points)
	}
	p.Y.Min = 0
	p.Y.Max *= 1.3 // room for the legend
	return p.Save(18*vg.Centimeter, 10*vg.Centimeter, filepath.Join(folder, c.file))
}

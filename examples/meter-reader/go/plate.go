package main

// The plate: the largest dark shape that is much wider than high, and how it lies in the picture.
//
// Dark pixels are gathered into runs of one row, runs that touch into shapes. The plate's upper and
// lower edges are fitted to the outermost dark pixels of its columns, leaving out those that other
// dark things stick to; its ends are medians. Bounded by the number of runs, at most half a picture's
// pixels. Products are rounded to 32 bits by themselves, so that all languages read the same digits.

import (
	"bytes"
	"math"
	"slices"
)

const (
	// A plate's least width, as a part of the picture's.
	leastWidth = float32(0.3)
	// Bounds of width over height.
	leastProportion = float32(2)
	mostProportion  = float32(9)
	// The steepest slope that is still read: about 12 degrees.
	steepest = float32(0.21)
	// Edge pixels further than this from the fitted line, in pixels, do not belong to it.
	stray = float32(1.5)
	// An edge where there is none; no picture has as many rows.
	nowhere = math.MaxInt32
)

// A rectangle that may be turned a little. Lengths are in pixels, along its own axes.
type plate struct {
	// The middle, from the picture's upper left corner.
	centreX, centreY float32
	width, height    float32
	// Pixels down for each pixel to the right.
	slope float32
}

// A stretch of dark pixels in one row: columns start to end, without end.
type run struct {
	y, start, end, shape int
}

// A shape: its runs in the order of their rows, its pixels and the box around it.
type shape struct {
	runs                []run
	pixels, left, right int
}

func (s *shape) add(r run) {
	if len(s.runs) == 0 {
		s.left = r.start
	}
	s.runs = append(s.runs, r)
	s.pixels += r.end - r.start
	s.left = min(s.left, r.start)
	s.right = max(s.right, r.end)
}

func (s *shape) couldBePlate(least int) bool {
	if len(s.runs) == 0 {
		return false
	}
	wide, high := s.right-s.left, s.runs[len(s.runs)-1].y+1-s.runs[0].y
	return wide >= least && high >= 12 && wide >= high && s.pixels*6 >= wide*high
}

// Finds the plate among the dark pixels of a picture of this width.
func findPlate(dark []byte, width int) (plate, bool) {
	runs, count := findRuns(dark, width)
	shapes := make([]shape, count)
	for _, r := range runs {
		shapes[r.shape].add(r)
	}
	least := int(float32(width) * leastWidth)
	var found *shape
	for place := range shapes {
		one := &shapes[place]
		if one.couldBePlate(least) && (found == nil || one.pixels >= found.pixels) {
			found = one
		}
	}
	if found == nil {
		return plate{}, false
	}
	return lie(found)
}

// All runs, each with the number of its shape, and how many numbers there are.
func findRuns(dark []byte, width int) ([]run, int) {
	var runs []run
	// For each shape, the shape that it was found to be a part of; itself where there is none.
	var parents []int
	root := func(shape int) int {
		// Parents have smaller numbers, so this ends.
		for parents[shape] < shape {
			shape = parents[shape]
		}
		return shape
	}
	above := 0
	for y := range len(dark) / width {
		row := dark[y*width : (y+1)*width]
		first := len(runs)
		for start := next(row, 0, 1); start < width; {
			end := next(row, start, 0)
			// Runs of the row above that end before this one starts touch nothing further right.
			for above < first && runs[above].end <= start {
				above++
			}
			shape := -1
			for _, r := range runs[above:first] {
				if r.start >= end {
					break
				}
				other := root(r.shape)
				joined := other
				if shape >= 0 {
					joined = min(shape, other)
					parents[shape] = joined
				}
				parents[other] = joined
				shape = joined
			}
			if shape < 0 {
				shape = len(parents)
				parents = append(parents, shape)
			}
			runs = append(runs, run{y, start, end, shape})
			start = next(row, end, 1)
		}
		above = first
	}
	for place := range runs {
		runs[place].shape = root(runs[place].shape)
	}
	return runs, len(parents)
}

// The next column from x on with this value; the row's width where none has.
func next(row []byte, x int, value byte) int {
	if found := bytes.IndexByte(row[x:], value); found >= 0 {
		return x + found
	}
	return len(row)
}

// How the plate lies.
func lie(s *shape) (plate, bool) {
	wide := s.right - s.left
	tops, bottoms := make([]int, wide), make([]int, wide)
	for x := range tops {
		tops[x], bottoms[x] = nowhere, nowhere
	}
	for _, r := range s.runs {
		for x := r.start - s.left; x < r.end-s.left; x++ {
			tops[x] = min(tops[x], r.y)
			bottoms[x] = r.y + 1
		}
	}
	// Rounded corners and the slanted ends are no part of the edges.
	skip := wide / 10
	first := float32(s.left + skip)
	upper, isLine := fit(tops[skip:wide-skip], first)
	lower, areLines := fit(bottoms[skip:wide-skip], first)
	if !isLine || !areLines {
		return plate{}, false
	}
	slope := (upper.slope + lower.slope) / 2
	if abs(slope) > steepest || abs(upper.slope-lower.slope) > steepest/2 {
		return plate{}, false
	}

	// The ends, measured along the plate.
	cosine := 1 / root32(1+float32(slope*slope))
	sine := float32(slope * cosine)
	along := func(x, y int) float32 {
		return float32(float32(x)*cosine) + float32((float32(y)+0.5)*sine)
	}
	var lefts, rights []float32
	for place, r := range s.runs {
		if place == 0 || s.runs[place-1].y != r.y {
			lefts = append(lefts, along(r.start, r.y))
		}
		if place+1 == len(s.runs) || s.runs[place+1].y != r.y {
			rights = append(rights, along(r.end, r.y))
		}
	}
	left, right := median(lefts), median(rights)

	width, height := right-left, float32((lower.at-upper.at)*cosine)
	proportion := width / height
	if !(proportion >= leastProportion && proportion <= mostProportion) {
		return plate{}, false
	}
	// Back from along the plate to the picture: the middle lies on the line halfway between the edges.
	halfway := (lower.at + upper.at) / 2
	x := ((left+right)/2 - float32(halfway*sine)) / (cosine + float32(slope*sine))
	return plate{x, halfway + float32(slope*x), width, height, slope}, true
}

// A line by its value at the picture's left edge and its slope.
type line struct{ at, slope float32 }

// The line through the points (first + place + 0.5, value). Fitted three times, each time without the
// points that the line before left lying far off.
func fit(values []int, first float32) (line, bool) {
	var at, slope float32
	for turn, allowed := range [3]float32{math.MaxFloat32, 3 * stray, stray} {
		var n, sx, sy, sxx, sxy float32
		for place, value := range values {
			if value == nowhere {
				continue
			}
			x, y := float32(place), float32(value)
			if turn > 0 && !(abs(y-at-float32(slope*x)) <= allowed) {
				continue
			}
			n++
			sx += x
			sy += y
			sxx += float32(x * x)
			sxy += float32(x * y)
		}
		spread := float32(n*sxx) - float32(sx*sx)
		if n < 8 || spread <= 0 {
			return line{}, false
		}
		slope = (float32(n*sxy) - float32(sx*sy)) / spread
		at = (sy - float32(slope*sx)) / n
	}
	return line{at - float32(slope*(first+0.5)), slope}, true
}

func median(values []float32) float32 {
	slices.Sort(values)
	return values[len(values)/2]
}

func abs(value float32) float32    { return float32(math.Abs(float64(value))) }
func root32(value float32) float32 { return float32(math.Sqrt(float64(value))) }
func floor(value float32) float32  { return float32(math.Floor(float64(value))) }

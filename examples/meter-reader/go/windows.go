package main

// The digit windows of an upright plate.
//
// A column that crosses a window has something light in it, ink or no ink, since the ink never fills a
// window from its upper to its lower edge; a column between two windows has nothing light. The same
// goes for rows. So the windows are stretches of the columns' and rows' maxima, and five of them in an
// even row are a register.

import (
	"slices"

	"tollgate"
)

const (
	// Digits of a register.
	digits = 5
	// The strip's outermost rows may show what lies beside the plate: this part is left out.
	rim = 9
	// A centre may be this far from where an even row has it, as a part of the distance of two.
	mostUneven = float32(0.12)
	// A window's width may differ this much from the median of the five, as a part of it.
	mostOdd = float32(0.3)
)

// Where a digit is, in pixels of the strip.
type window struct {
	left, top, width, height int
}

// Places from start to end, without end.
type stretch struct {
	start, end int
}

// Finds the windows.
func findWindows(strip picture) ([digits]window, error) {
	var windows [digits]window
	found := stretches(columnMaxima(strip), strip.width/digits, max(strip.width/40, 3))
	pitch, first, wide, err := even(found)
	if err != nil {
		return windows, err
	}
	width := int(floor(wide + 0.5))
	for place := range windows {
		left := first + float32(pitch*float32(place)) - wide/2
		windows[place] = window{left: max(int(floor(left+0.5)), 0), width: width}
	}
	middle := strip.height / 2
	for _, rows := range stretches(rowMaxima(strip, windows), strip.height, strip.height/3) {
		if rows.start > middle || rows.end <= middle {
			continue
		}
		if windows[digits-1].left+width > strip.width {
			break
		}
		for place := range windows {
			windows[place].top, windows[place].height = rows.start, rows.end-rows.start
		}
		return windows, nil
	}
	return windows, uneven()
}

func uneven() error {
	return tollgate.InvalidFrame(
		"expected %d digit windows in an even row, found an uneven one: check what covers the register", digits)
}

// The lightest of each column, without the rim.
func columnMaxima(strip picture) []byte {
	across := make([]byte, strip.width)
	for y := strip.height / rim; y < strip.height-strip.height/rim; y++ {
		for x, pixel := range strip.row(y) {
			across[x] = max(across[x], pixel)
		}
	}
	return across
}

// For each row the lightest pixel of each window's columns, and of these five the third.
func rowMaxima(strip picture, windows [digits]window) []byte {
	down := make([]byte, strip.height)
	for y := range down {
		row := strip.row(y)
		var most [digits]byte
		for place, w := range windows {
			if w.left+w.width <= len(row) {
				for _, pixel := range row[w.left : w.left+w.width] {
					most[place] = max(most[place], pixel)
				}
			}
		}
		slices.Sort(most[:])
		down[y] = most[2]
	}
	return down
}

// Stretches of light places, of at least least; gaps of up to two do not part them.
func stretches(profile []byte, reach, least int) []stretch {
	var found []stretch
	for place := range profile {
		if !lighter(profile, reach, place) {
			continue
		}
		if last := len(found) - 1; last >= 0 && place <= found[last].end+2 {
			found[last].end = place + 1
		} else {
			found = append(found, stretch{place, place + 1})
		}
	}
	return slices.DeleteFunc(found, func(s stretch) bool { return s.end-s.start < least })
}

// Whether a place is nearer to the lightest than to the darkest of those within reach.
func lighter(profile []byte, reach, place int) bool {
	within := profile[max(place-reach, 0):min(place+reach+1, len(profile))]
	darkest, lightest := byte(255), byte(0)
	for _, value := range within {
		darkest, lightest = min(darkest, value), max(lightest, value)
	}
	return int(lightest) > int(darkest)+20 && int(profile[place])*2 > int(darkest)+int(lightest)
}

// The distance of two windows' centres, the first one's centre and their width.
func even(found []stretch) (pitch, first, wide float32, err error) {
	if len(found) != digits {
		return 0, 0, 0, tollgate.InvalidFrame(
			"expected a register of %d digit windows, found %d: check the light and the focus", digits, len(found))
	}
	var widths, centres [digits]float32
	for place, s := range found {
		widths[place] = float32(s.end - s.start)
		centres[place] = float32(s.start+s.end) / 2
	}
	slices.Sort(widths[:])
	wide = widths[2]
	// Least squares over places -2 to 2.
	pitch = (float32(2*(centres[4]-centres[0])) + (centres[3] - centres[1])) / 10
	first = (centres[0]+centres[1]+centres[2]+centres[3]+centres[4])/5 - float32(2*pitch)
	for place, centre := range centres {
		if abs(centre-first-float32(pitch*float32(place))) > float32(mostUneven*pitch) {
			return 0, 0, 0, uneven()
		}
	}
	if widths[0] < float32(wide*(1-mostOdd)) || widths[4] > float32(wide*(1+mostOdd)) || wide > pitch {
		return 0, 0, 0, uneven()
	}
	return pitch, first, wide, nil
}

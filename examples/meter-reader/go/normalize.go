package main

// Digit windows to the model's input.
//
// Each window is cut out a little inside its edges, resized to the model's square and stretched so
// that its paper is 0 and its ink is 1, whatever the light was. Knows the model's input and nothing of
// what comes out of it.

const (
	// What is cut off at each edge, as one part of the window's size: its own blur and shadow.
	inset = 14
	// Of 256 pixels from dark to light, the one that is taken for ink, and the one for paper.
	inkPlace   = 6
	paperPlace = 192
	// Less than this is an empty window, whose noise is not to be stretched into a digit.
	leastContrast = float32(28)
)

// The register's windows from left to right: 0 paper, 1 ink.
func normalize(found register, input []float32) {
	// All windows are of one size.
	across, down := found.windows[0].width/inset, found.windows[0].height/inset
	resizer := newResizer(found.windows[0].width-2*across, found.windows[0].height-2*down)
	for place, w := range found.windows {
		square := resizer.resize(found.strip, w.left+across, w.top+down)
		stretchContrast(&square, input[place*side*side:(place+1)*side*side])
	}
}

// Bytes to floats: paper to 0, ink to 1, what lies beyond cut off.
func stretchContrast(square *[side * side]byte, out []float32) {
	var counts [256]int
	for _, pixel := range square {
		counts[pixel]++
	}
	paper := level(&counts, paperPlace)
	contrast := max(paper-level(&counts, inkPlace), leastContrast)
	factor, offset := 1/-contrast, -paper/-contrast
	for place, pixel := range square {
		value := float32(float32(pixel)*factor) + offset
		out[place] = min(max(value, 0), 1)
	}
}

// The pixel at a place of the order from dark to light.
func level(counts *[256]int, place int) float32 {
	value := 0
	for passed := counts[0]; passed <= place; passed += counts[value] {
		value++
	}
	return float32(value)
}

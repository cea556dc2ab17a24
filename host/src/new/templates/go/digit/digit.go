// Package digit is what the plugin does without its host: a picture to the model's input, scores to a
// digit.
package digit

import (
	"bytes"
	"slices"
)

// Side is a picture's, in pixels.
const Side = 16

// What a picture begins with; the pixels follow, row by row.
var header = []byte("P5\n16 16\n255\n")

// Ink is the picture as the model takes it: the darkest pixel is 1, the lightest 0. False where the bytes
// are no PGM picture of 16 x 16 pixels.
func Ink(picture []byte) ([]float32, bool) {
	pixels, found := bytes.CutPrefix(picture, header)
	if !found || len(pixels) != Side*Side {
		return nil, false
	}
	darkest, lightest := slices.Min(pixels), slices.Max(pixels)
	contrast := max(float32(lightest-darkest), 1)
	ink := make([]float32, len(pixels))
	for i, pixel := range pixels {
		ink[i] = float32(lightest-pixel) / contrast
	}
	return ink, true
}

// Best is the place of the highest of the scores, and that score.
func Best(scores []float32) (int, float32) {
	best, highest := 0, float32(0)
	for place, score := range scores {
		if place == 0 || score > highest {
			best, highest = place, score
		}
	}
	return best, highest
}

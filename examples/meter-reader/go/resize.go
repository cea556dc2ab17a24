package main

// Making a window the model's square: linear weights over all that a new pixel covers, in fixed point,
// first down, then across. This is what the library does that the Rust plugin uses, so that all
// languages see the same digits.

import "math"

// Rows and columns of the model's input.
const side = 16

const (
	// Bits that a weight may have, its sign apart.
	weightBits = 15
	// Bits that a sum has left beside a pixel's eight and two for what overflows.
	mostPrecision = 32 - 8 - 2
)

// The old pixels that a new one is made of: the first one and their weights.
type part struct {
	first   int
	weights []int32
}

// The weights of one axis. A weight of one is two to the power of precision.
type axis struct {
	parts     [side]part
	precision int
}

// For an axis of size places.
func newAxis(size int) axis {
	scale := float64(size) / side
	radius := max(scale, 1)
	var made axis
	var exact [side][]float64
	largest := 0.0
	for place := range exact {
		centre := (float64(place) + 0.5) * scale
		first := max(int(math.Floor(centre-radius)), 0)
		end := min(int(math.Ceil(centre+radius)), size)
		weights := make([]float64, end-first)
		sum := 0.0
		for x := range weights {
			distance := math.Abs((float64(first+x) - (centre - 0.5)) * (1 / radius))
			weights[x] = max(1-distance, 0)
			sum += weights[x]
		}
		for x := range weights {
			weights[x] /= sum
			largest = max(largest, weights[x])
		}
		exact[place] = weights
		made.parts[place].first = first
	}
	made.precision = precisionFor(largest)
	for place, weights := range exact {
		made.parts[place].weights = make([]int32, len(weights))
		for x, weight := range weights {
			made.parts[place].weights[x] = int32(math.Floor(float64(weight*float64(int(1)<<made.precision)) + 0.5))
		}
	}
	return made
}

// As fine as the largest weight allows.
func precisionFor(largest float64) int {
	precision := 0
	for precision+1 < mostPrecision &&
		math.Floor(float64(largest*float64(int(2)<<precision))+0.5) < float64(int(1)<<weightBits) {
		precision++
	}
	return precision
}

// The new pixel at place, from the old ones that are stride apart.
func (a *axis) mean(pixels []byte, stride, place int) byte {
	one := &a.parts[place]
	sum := int32(1) << (a.precision - 1)
	at := one.first * stride
	for _, weight := range one.weights {
		sum += int32(pixels[at]) * weight
		at += stride
	}
	return byte(min(sum>>a.precision, 255))
}

// Resizes windows of one size.
type resizer struct {
	across, down axis
	width        int
	lower        []byte
}

func newResizer(width, height int) resizer {
	return resizer{newAxis(width), newAxis(height), width, make([]byte, side*width)}
}

// The window whose upper left pixel is this.
func (r *resizer) resize(p picture, left, top int) (square [side * side]byte) {
	from := p.luma[top*p.width+left:]
	for y := range side {
		for x := range r.width {
			r.lower[y*r.width+x] = r.down.mean(from[x:], p.width, y)
		}
	}
	for place := range square {
		square[place] = r.across.mean(r.lower[place/side*r.width:], 1, place%side)
	}
	return square
}

package main

// Which pixels are dark against their surroundings.
//
// A pixel is compared with the mean of the square around it, clipped at the picture's edges. Light
// that changes slowly over the picture changes both and drops out. Sums are kept per column and slid
// down the picture, so the cost does not depend on the size of the square.

const (
	// Half a side of the square, as a part of the picture's width.
	reachPart = 6
	// Dark is below this share of the mean.
	darkShare = float32(0.625)
)

// One byte a pixel, 1 where it is dark.
func shade(p picture) []byte {
	reach := p.width / reachPart
	columns := make([]int32, p.width)
	// Running sums with reach + 1 zeros before them and reach repeats after them: the sum of the
	// square around a column is then the difference of two places a fixed distance apart.
	sums := make([]int32, p.width+2*reach+1)
	across := make([]float32, p.width)
	for x := range across {
		across[x] = float32(span(x, reach, p.width))
	}
	add := func(y int, sign int32) {
		for x, pixel := range p.row(y) {
			columns[x] += sign * int32(pixel)
		}
	}

	dark := make([]byte, p.width*p.height)
	for y := range min(reach, p.height) {
		add(y, 1)
	}
	for y := range p.height {
		if y+reach < p.height {
			add(y+reach, 1)
		}
		if y > reach {
			add(y-reach-1, -1)
		}
		total := int32(0)
		for x, column := range columns {
			total += column
			sums[reach+1+x] = total
		}
		for place := reach + 1 + p.width; place < len(sums); place++ {
			sums[place] = total
		}
		share := darkShare / float32(span(y, reach, p.height))
		out := dark[y*p.width : (y+1)*p.width]
		ends := sums[2*reach+1:]
		for x, pixel := range p.row(y) {
			// Whole numbers below 2^24, which are 32-bit floats exactly.
			if float32(pixel)*across[x] < float32(ends[x]-sums[x])*share {
				out[x] = 1
			}
		}
	}
	return dark
}

// How many of the places within reach of x lie within 0..size.
func span(x, reach, size int) int {
	return min(x+reach+1, size) - max(x-reach, 0)
}

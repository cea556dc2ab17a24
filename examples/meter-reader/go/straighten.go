package main

// The plate, turned upright and cut out.
//
// A small turn is two shears: every column moves up or down, then every row left or right. Each shear
// mixes two neighbouring rows (or columns) with weights that are the same along a row, so both are
// plain loops. Bounded by the plate's size, which is at most the picture's.

import "math"

// What the plate shows, upright, at the picture's scale.
func straighten(p picture, found plate) picture {
	width, height := int(floor(found.width+0.5)), int(floor(found.height+0.5))
	sine := found.slope / root32(1+float32(found.slope*found.slope))
	// The second shear moves rows by up to this much to either side.
	margin := int(math.Ceil(float64(float32(found.height/2*abs(sine))))) + 1
	wide := width + 2*margin
	sheared := shear(p, found, wide, height)

	// Second shear: what lies above the middle came from one side, what lies below from the other.
	strip := picture{width, height, make([]byte, width*height)}
	for y := range height {
		down := float32(y) + 0.5 - float32(height)/2
		from := float32(margin) - float32(down*sine)
		weight := int(float32((from - floor(from)) * 256))
		start := y*wide + min(max(int(floor(from)), 0), 2*margin-1)
		near := sheared[start : start+width+1]
		row := strip.luma[y*width : (y+1)*width]
		for x := range row {
			row[x] = mix(near[x], near[x+1], weight)
		}
	}
	return strip
}

// Moves every column up or down. What lies beside the picture stays black; above and below, its edge
// goes on.
func shear(p picture, found plate, wide, height int) []byte {
	left := found.centreX - float32(wide)/2
	first := int(floor(left))
	// Where each column of the first row comes from: weights 256ths of the row below rows.
	rows, weights := make([]int, wide), make([]int, wide)
	for x := range rows {
		across := left + float32(x) + 0.5 - found.centreX
		y := found.centreY + float32(across*found.slope) - found.height/2
		rows[x] = int(floor(y))
		weights[x] = int(float32((y - floor(y)) * 256))
	}

	sheared := make([]byte, wide*height)
	start, end := max(0, -first), min(wide, p.width-first)
	for y := range height {
		out := sheared[y*wide : (y+1)*wide]
		for x := start; x < end; {
			// Neighbouring columns mostly come from the same pair of rows.
			row := rows[x]
			upper, lower := p.row(row+y), p.row(row+y+1)
			for ; x < end && rows[x] == row; x++ {
				out[x] = mix(upper[x+first], lower[x+first], weights[x])
			}
		}
	}
	return sheared
}

// weight 256ths of b, the rest of a.
func mix(a, b byte, weight int) byte {
	return byte((int(a)*(256-weight) + int(b)*weight) >> 8)
}

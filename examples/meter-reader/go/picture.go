package main

// Bytes of a frame to a grey picture: binary PGM, by its first bytes and by nothing else. Bounded by
// maxSide and maxPixels, both checked before anything of that size is allocated. Knows no meters.

import (
	"bytes"
	"fmt"

	"tollgate"
)

const (
	// The longest side in pixels. A camera that looks at one register has no need of more.
	maxSide = 4096
	// The most pixels: 4 MiB of grey.
	maxPixels = 4 << 20
	// The shortest side in pixels on which five digits could still be told apart.
	minSide = 24
)

// A grey picture, one byte a pixel, rows without padding, white is 255.
type picture struct {
	width, height int
	luma          []byte
}

// One row; the first for anything above it, the last for anything below.
func (p picture) row(y int) []byte {
	start := min(max(y, 0), p.height-1) * p.width
	return p.luma[start : start+p.width]
}

// This picture at 1 / factor of its size, each pixel the mean of a square of factor a side.
func (p picture) shrunk(factor int) picture {
	small := picture{p.width / factor, p.height / factor, nil}
	small.luma = make([]byte, small.width*small.height)
	sums := make([]int, small.width)
	for y := range small.height {
		clear(sums)
		for down := range factor {
			row := p.row(y*factor + down)
			for x := range sums {
				for _, pixel := range row[x*factor : (x+1)*factor] {
					sums[x] += int(pixel)
				}
			}
		}
		for x, sum := range sums {
			small.luma[y*small.width+x] = byte(sum / (factor * factor))
		}
	}
	return small
}

// What is wrong with a picture of this size; empty where nothing is.
func sizeProblem(width, height int) string {
	fits := min(width, height) >= minSide && max(width, height) <= maxSide
	if fits && width*height <= maxPixels {
		return ""
	}
	return fmt.Sprintf("expected a picture of %d to %d pixels a side and %d in all, got %dx%d: crop or scale it",
		minSide, maxSide, maxPixels, width, height)
}

// The picture in the bytes of a frame, over those bytes where it can be.
func decode(frame []byte) (picture, error) {
	rest, found := bytes.CutPrefix(frame, []byte("P5"))
	if !found {
		kind := "something else"
		if bytes.HasPrefix(frame, []byte{0xff, 0xd8}) {
			kind = "a JPEG"
		}
		return picture{}, tollgate.InvalidFrame("expected a binary PGM (P5), got %s: check what the camera sends", kind)
	}
	var header [3]int
	for place := range header {
		number, after, there := readNumber(rest)
		if !there {
			return picture{}, refused("a header without its three numbers")
		}
		header[place], rest = number, after
	}
	width, height, maximum := header[0], header[1], header[2]
	if problem := sizeProblem(width, height); problem != "" {
		return picture{}, tollgate.InvalidFrame("%s", problem)
	}
	pixels := width * height
	if len(rest) == 0 {
		return picture{}, short(pixels, 0)
	}
	if !isSpace(rest[0]) {
		return picture{}, refused("no white space after its maximum")
	}
	rest = rest[1:]
	if len(rest) < pixels {
		return picture{}, short(pixels, len(rest))
	}
	if maximum < 1 || maximum > 255 {
		return picture{}, refused("another maximum")
	}
	luma := rest[:pixels]
	if maximum < 255 {
		scaled := make([]byte, pixels)
		for place, pixel := range luma {
			scaled[place] = byte(min(int(pixel), maximum) * 255 / maximum)
		}
		luma = scaled
	}
	return picture{width, height, luma}, nil
}

// Skips white space and comments, then reads one decimal number of up to nine digits.
func readNumber(rest []byte) (number int, after []byte, there bool) {
	for len(rest) > 0 && (rest[0] == '#' || isSpace(rest[0])) {
		skip := 1
		if rest[0] == '#' {
			if skip = bytes.IndexByte(rest, '\n'); skip < 0 {
				skip = len(rest)
			}
		}
		rest = rest[skip:]
	}
	count := 0
	for count < len(rest) && count < 10 && rest[count] >= '0' && rest[count] <= '9' {
		number = number*10 + int(rest[count]-'0')
		count++
	}
	return number, rest[count:], count >= 1 && count <= 9
}

func isSpace(b byte) bool {
	return b == ' ' || b == '\t' || b == '\n' || b == '\f' || b == '\r'
}

func refused(what string) error {
	return tollgate.InvalidFrame(
		"expected a binary PGM with 8 bits a pixel, got %s: write it as P5 with a maximum of 255", what)
}

func short(expected, got int) error {
	return tollgate.InvalidFrame("expected %d pixels, got %d: check the transfer", expected, got)
}

package main

// A grey picture to the five digit windows of a register.
//
// A register is a dark plate, much wider than high, with five light windows in a row. It is found in
// four steps: what is dark against its surroundings, so that uneven light does not matter (shade); the
// largest dark shape that a plate could be (plate); that plate turned upright, so that rotation and
// shift no longer matter (straighten); the windows in it (windows). No step knows what a digit is.
// Where any of them does not find what a register has, the fault says what is missing; it is never a
// guess.

import "tollgate"

// Pictures are shrunk by a whole number until they are narrower than twice this, in pixels.
const workingWidth = 288

// A register, upright and cut out of its picture.
type register struct {
	// The plate, at the scale at which it was found.
	strip picture
	// From left to right, all of one size.
	windows [digits]window
}

// Finds the register.
func locate(whole picture) (register, error) {
	shown := whole
	if factor := whole.width / workingWidth; factor > 1 {
		shown = whole.shrunk(factor)
	}
	if err := largeEnough(shown); err != nil {
		return register{}, err
	}
	plate, found := findPlate(shade(shown), shown.width)
	if !found {
		return register{}, tollgate.InvalidFrame(
			"expected a dark register plate, found none: check where the camera points")
	}
	strip := straighten(shown, plate)
	if err := largeEnough(strip); err != nil {
		return register{}, err
	}
	windows, err := findWindows(strip)
	return register{strip, windows}, err
}

func largeEnough(p picture) error {
	if problem := sizeProblem(p.width, p.height); problem != "" {
		return tollgate.InvalidFrame("the register is too small to be read: %s", problem)
	}
	return nil
}

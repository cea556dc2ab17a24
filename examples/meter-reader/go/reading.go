package main

// Scores to a reading, and whether the reading can be true.
//
// The confidence of a reading is the lowest probability among its digits: one doubtful digit makes a
// doubtful reading. Plausible is what a register can have done since the last plausible reading: it
// goes forward, over 99999 to 0 as well, and at most so far a frame. Two implausible readings in a row
// that agree with each other become the new last reading, so that a first misreading does not make
// everything after it implausible. Knows no pictures and no model, only probabilities.

import "fmt"

const (
	// Classes of the model, one a digit.
	classes = 10
	// One more than the highest reading.
	registerEnd = 100_000
	// No reading.
	none = -1
)

// One digit, 0 to 9, and the probability that the model gives it, 0 to 1.
type digit struct {
	digit      int
	confidence float32
}

// What the register shows, from left to right.
type reading struct{ digits [digits]digit }

// From the model's output, [digits, classes].
func fromScores(scores []float32) (found reading) {
	for place := range found.digits {
		one := &found.digits[place]
		for class, score := range scores[place*classes : (place+1)*classes] {
			// A score that is no number is below every other.
			if score > one.confidence {
				*one = digit{class, min(score, 1)}
			}
		}
	}
	return found
}

// The digits as one number.
func (r reading) value() int {
	value := 0
	for _, one := range r.digits {
		value = value*10 + one.digit
	}
	return value
}

// The lowest probability among the digits.
func (r reading) confidence() float32 {
	least := float32(1)
	for _, one := range r.digits {
		least = min(least, one.confidence)
	}
	return least
}

// One JSON object.
func (r reading) json(plausible bool) []byte {
	value := r.value()
	text := fmt.Appendf(nil, `{"reading":"%0*d","value":%d,"confidence":%.4f,"plausible":%t,"digits":[`,
		digits, value, value, r.confidence(), plausible)
	for place, one := range r.digits {
		if place > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, `{"digit":%d,"confidence":%.4f}`, one.digit, one.confidence)
	}
	return append(text, "]}"...)
}

// What was read before, and how far a register may go on in one frame.
type history struct {
	mostAFrame, last int
	// The implausible reading of the frame before, if that is what it was.
	doubted int
	// Frames since last was read.
	frames int
}

func newHistory(mostAFrame int) history {
	return history{mostAFrame: mostAFrame, last: none, doubted: none}
}

// Takes note of a frame that gave no reading.
func (h *history) missed() {
	h.frames++
	h.doubted = none
}

// Whether the register can have come to this value; the first reading always can.
func (h *history) judge(value int) bool {
	h.frames++
	follows := func(last, frames int) bool {
		return (value+registerEnd-last)%registerEnd <= min(h.mostAFrame*frames, registerEnd/2)
	}
	plausible := h.last == none || follows(h.last, h.frames)
	confirmed := h.doubted != none && follows(h.doubted, 1)
	if plausible || confirmed {
		h.last, h.frames, h.doubted = value, 0, none
	} else {
		h.doubted = value
	}
	return plausible
}

// What digit a small grey picture shows: a frame is a PGM picture of 16 x 16 pixels, the graph digits
// gives a score for each of the ten digits.
package main

import (
	"fmt"

	"tollgate"

	"{{name}}/digit"
)

// What the plugin keeps from frame to frame.
type digits struct{ graph *tollgate.Graph }

// Called once, before the first frame.
func newDigits() (tollgate.Plugin, error) {
	graph, err := tollgate.LoadGraph("digits")
	return &digits{graph}, err
}

func (d *digits) Handle(frame tollgate.Frame) ([]byte, error) {
	ink, ok := digit.Ink(frame.Data)
	if !ok {
		return nil, tollgate.InvalidFrame("expected a PGM picture of %d x %d pixels", digit.Side, digit.Side)
	}
	// Pictures, channels, rows, columns.
	input := tollgate.NewInput([]uint32{1, 1, digit.Side, digit.Side}, ink)
	outputs, err := d.graph.Infer([]tollgate.Input{input}, 1)
	if err != nil {
		return nil, err
	}
	scores, err := tollgate.Elements[float32](outputs[0])
	if err != nil {
		return nil, err
	}
	best, score := digit.Best(scores)
	return fmt.Appendf(nil, `{"digit":%d,"confidence":%.3f}`, best, score), nil
}

//go:wasmexport handle
func handle() int32 { return tollgate.Export(newDigits) }

// A library has no program; the language wants one.
func main() {}

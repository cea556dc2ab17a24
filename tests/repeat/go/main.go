// Repeats one inference as often as a frame says: see tests/guests/repeat.
package main

import (
	"encoding/binary"
	"math"

	"tollgate"
)

const units = 64

type repeat struct {
	graph  *tollgate.Graph
	pixels []float32
}

func newRepeat() (tollgate.Plugin, error) {
	graph, err := tollgate.LoadGraph("mlp")
	if err != nil {
		return nil, err
	}
	pixels := make([]float32, units)
	for place := range pixels {
		pixels[place] = float32(place) / units
	}
	return &repeat{graph, pixels}, nil
}

func (r *repeat) Handle(frame tollgate.Frame) ([]byte, error) {
	if len(frame.Data) != 2 {
		return nil, tollgate.InvalidFrame("expected two bytes, got %d", len(frame.Data))
	}
	dimensions := []uint32{1, units}
	if frame.Data[0] == 'x' {
		dimensions = dimensions[:1]
	}
	for range frame.Data[1] {
		outputs, err := r.graph.Infer([]tollgate.Input{tollgate.NewInput(dimensions, r.pixels)}, 1)
		if err != nil {
			return nil, err
		}
		scores, err := tollgate.Elements[float32](outputs[0])
		if err != nil {
			return nil, err
		}
		r.pixels[0] = min(max(scores[0], -1), 1)
	}
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(r.pixels[0])), nil
}

//go:wasmexport handle
func handle() int32 { return tollgate.Export(newRepeat) }

// A library has no program; the language wants one.
func main() {}

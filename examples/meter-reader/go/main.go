// Reads the five-digit register of a mechanical meter from a camera's frame.
//
// A frame is decoded (picture), the register is found and turned upright (locate), its digit windows
// become one tensor (normalize), all five digits are classified in one inference on the graph digits,
// and the scores become a reading (reading). This file only connects them. Whatever the bytes of a
// frame are, it is a reading or a fault. The state is the last reading, which may be forgotten.
package main

import "tollgate"

// Classifies digits: digits f32 [batch, 1, 16, 16] to scores f32 [batch, 10].
const graphName = "digits"

// A register that went further than this from one frame to the next was misread.
const mostAFrame = 5000

type meterReader struct {
	graph   *tollgate.Graph
	history history
	input   []float32
}

func newMeterReader() (tollgate.Plugin, error) {
	graph, err := tollgate.LoadGraph(graphName)
	if err != nil {
		return nil, err
	}
	return &meterReader{
		graph:   graph,
		history: newHistory(mostAFrame),
		input:   make([]float32, digits*side*side),
	}, nil
}

func (m *meterReader) Handle(frame tollgate.Frame) ([]byte, error) {
	reading, err := m.read(frame.Data)
	if err != nil {
		m.history.missed()
		return nil, err
	}
	return reading.json(m.history.judge(reading.value())), nil
}

func (m *meterReader) read(bytes []byte) (reading, error) {
	picture, err := decode(bytes)
	if err != nil {
		return reading{}, err
	}
	register, err := locate(picture)
	if err != nil {
		return reading{}, err
	}
	normalize(register, m.input)
	outputs, err := m.graph.Infer([]tollgate.Input{tollgate.NewInput([]uint32{digits, 1, side, side}, m.input)}, 1)
	if err != nil {
		return reading{}, err
	}
	scores, err := tollgate.Elements[float32](outputs[0])
	if err != nil {
		return reading{}, err
	}
	if len(scores) != digits*classes {
		return reading{}, tollgate.Inference(
			"expected %d scores for each of %d digits, got %d in all: check the model", classes, digits, len(scores))
	}
	return fromScores(scores), nil
}

//go:wasmexport handle
func handle() int32 { return tollgate.Export(newMeterReader) }

// A library has no program; the language wants one.
func main() {}

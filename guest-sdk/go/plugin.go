// Package tollgate is for writing Tollgate plugins in Go: frames in, inferences on the host's graphs,
// an output out.
//
// A whole plugin:
//
//	package main
//
//	import "tollgate"
//
//	type classifier struct{ graph *tollgate.Graph }
//
//	func newClassifier() (tollgate.Plugin, error) {
//		graph, err := tollgate.LoadGraph("classifier")
//		return &classifier{graph}, err
//	}
//
//	func (c *classifier) Handle(frame tollgate.Frame) ([]byte, error) {
//		outputs, err := c.graph.Infer([]tollgate.Input{tollgate.NewInput([]uint32{1, 28, 28}, frame.Data)}, 1)
//		if err != nil {
//			return nil, err
//		}
//		return outputs[0].Data, nil
//	}
//
//	//go:wasmexport handle
//	func handle() int32 { return tollgate.Export(newClassifier) }
//
//	func main() {}
//
// It becomes a preview1 core module on wasi_ephemeral_nn. What that interface lacks is not here: names
// of inputs and outputs, Describe, BF16, and an inference in one crossing.
package tollgate

import (
	"errors"
	"fmt"
	"syscall"
)

// Frame is what a plugin is handed: one message, picture or buffer as it arrived.
type Frame struct {
	// Data is the bytes, as they arrived. They are there as long as the call.
	Data []byte
}

// Plugin is made once per instance, before its first frame, then handed one frame after the other.
//
// The value is the plugin's state. It lasts as long as its instance, and a host may use an instance
// for many frames or for a single one: keep in it what speeds things up or what may be forgotten,
// never what must last.
type Plugin interface {
	// Handle handles one frame and gives back the one output that a preview1 module has. An error
	// of this package's says what kind of fault it is; any other is the plugin's own.
	Handle(frame Frame) ([]byte, error)
}

// Fault says why a plugin could not make anything of a frame. It concerns that frame alone.
type Fault struct {
	code    int32
	message string
}

// What the host takes as which fault.
const (
	invalidFrame int32 = 1
	inference    int32 = 2
	internal     int32 = 3
)

func (f *Fault) Error() string { return f.message }

// InvalidFrame is the fault of a frame that is not what this plugin reads: one sentence for a person,
// of what was expected, what came, what to do.
func InvalidFrame(format string, arguments ...any) error {
	return &Fault{invalidFrame, fmt.Sprintf(format, arguments...)}
}

// Inference is the fault of an inference that failed.
func Inference(format string, arguments ...any) error {
	return &Fault{inference, fmt.Sprintf(format, arguments...)}
}

var (
	plugin Plugin
	// What the last frame was read into; it grows with the frames.
	room = make([]byte, 64<<10)
)

// Export makes a plugin the module's: it is what the exported handle calls. A plugin that cannot be
// made is the answer to the frame that was waiting, and the next frame tries again.
func Export(make func() (Plugin, error)) int32 {
	if plugin == nil {
		made, err := make()
		if err != nil {
			return refuse(err)
		}
		plugin = made
	}
	frame, err := readAll()
	if err != nil {
		return refuse(err)
	}
	output, err := plugin.Handle(Frame{frame})
	if err == nil {
		err = writeAll(1, output)
	}
	if err != nil {
		return refuse(err)
	}
	return 0
}

func refuse(err error) int32 {
	// Where not even this can be written, the code alone says what happened.
	_ = writeAll(2, []byte(err.Error()))
	var fault *Fault
	var failed *Error
	switch {
	case errors.As(err, &fault):
		return fault.code
	case errors.As(err, &failed):
		return inference
	default:
		return internal
	}
}

// All of standard input, read past the runtime's own files, which poll.
func readAll() ([]byte, error) {
	size := 0
	for {
		if size == len(room) {
			room = append(room, make([]byte, len(room))...)
		}
		count, err := syscall.Read(0, room[size:])
		if err != nil {
			return nil, fmt.Errorf("the frame cannot be read: %w", err)
		}
		if count == 0 {
			return room[:size], nil
		}
		size += count
	}
}

func writeAll(fd int, bytes []byte) error {
	for len(bytes) > 0 {
		count, err := syscall.Write(fd, bytes)
		if err != nil {
			return fmt.Errorf("the host took less than the whole output, hand back less: %w", err)
		}
		bytes = bytes[count:]
	}
	return nil
}

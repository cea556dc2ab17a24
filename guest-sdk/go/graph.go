package tollgate

import (
	"fmt"
	"runtime"
	"unsafe"
)

//go:wasmimport wasi_ephemeral_nn load_by_name
func loadByName(name unsafe.Pointer, size uint32, graph unsafe.Pointer) uint32

//go:wasmimport wasi_ephemeral_nn init_execution_context
func initExecutionContext(graph uint32, context unsafe.Pointer) uint32

//go:wasmimport wasi_ephemeral_nn set_input
func setInput(context uint32, place uint32, tensor unsafe.Pointer) uint32

//go:wasmimport wasi_ephemeral_nn compute
func compute(context uint32) uint32

//go:wasmimport wasi_ephemeral_nn get_output
func getOutput(context uint32, place uint32, start unsafe.Pointer, room uint32, size unsafe.Pointer) uint32

// ErrorCode is one of wasi_ephemeral_nn's, as numbered there.
type ErrorCode uint32

const (
	// InvalidArgument: wrong rank, dimension, type or byte count; a missing input.
	InvalidArgument ErrorCode = 1
	// InvalidEncoding: the bytes are not a model that can be read.
	InvalidEncoding ErrorCode = 2
	// RuntimeError: the model ran and failed, or the deadline passed.
	RuntimeError ErrorCode = 5
	// UnsupportedOperation: an operator that is not there, or a graph that is not granted.
	UnsupportedOperation ErrorCode = 6
	// TooLarge: a model or tensor over its limit.
	TooLarge ErrorCode = 7
	// NotFound: no graph, input or output of that name or place.
	NotFound ErrorCode = 8
)

func (c ErrorCode) String() string {
	switch c {
	case InvalidArgument:
		return "invalid-argument"
	case InvalidEncoding:
		return "invalid-encoding"
	case RuntimeError:
		return "runtime-error"
	case UnsupportedOperation:
		return "unsupported-operation"
	case TooLarge:
		return "too-large"
	case NotFound:
		return "not-found"
	default:
		return "unknown"
	}
}

// Error says why a graph call failed: a code to act on, and what was asked for. The host knows the
// rest, and adds it where this becomes a fault.
type Error struct {
	Code ErrorCode
	what string
}

func (e *Error) Error() string { return fmt.Sprintf("%s was refused (%v)", e.what, e.Code) }

func failed(code uint32, format string, arguments ...any) error {
	return &Error{ErrorCode(code), fmt.Sprintf(format, arguments...)}
}

// One number that the host writes, and a tensor as it reads one; here, where nothing moves them.
var (
	number uint32
	record struct {
		dimensions, rank uint32
		ty               TensorType
		data, size       uint32
	}
)

// Graph is a model that the host has loaded, by the name it gave it. The interface has nothing to
// give a handle back with: load graphs and make contexts once, when the plugin is made.
type Graph struct {
	handle uint32
	kept   *Context
}

// LoadGraph looks a graph up. NotFound where the host has none of that name, UnsupportedOperation
// where the plugin was not granted it.
func LoadGraph(name string) (*Graph, error) {
	text := []byte(name)
	code := loadByName(unsafe.Pointer(unsafe.SliceData(text)), uint32(len(text)), unsafe.Pointer(&number))
	if code != 0 {
		return nil, failed(code, "the graph %q", name)
	}
	return &Graph{handle: number}, nil
}

// Infer runs one inference and returns this many of its outputs, in the order that the model has them
// in. The interface takes three crossings for what tollgate:nn does in one.
func (g *Graph) Infer(inputs []Input, outputs int) ([]Tensor, error) {
	if g.kept == nil {
		context, err := g.Context()
		if err != nil {
			return nil, err
		}
		g.kept = context
	}
	return g.kept.Compute(inputs, outputs)
}

// Context is an execution context of its own. TooLarge where the plugin holds too many.
func (g *Graph) Context() (*Context, error) {
	if code := initExecutionContext(g.handle, unsafe.Pointer(&number)); code != 0 {
		return nil, failed(code, "an execution context")
	}
	return &Context{handle: number}, nil
}

// Context is an execution context.
type Context struct {
	handle uint32
	// The sizes that outputs had the last time, in bytes, by their places.
	sizes []int
}

// Room for an output of which nothing is known yet, in bytes, and where trying larger ones ends.
const (
	firstRoom = 4096
	mostRoom  = 256 << 20
)

// Compute runs one inference and returns this many of its outputs. An input counts by its place.
func (c *Context) Compute(inputs []Input, outputs int) ([]Tensor, error) {
	for place, input := range inputs {
		if code := c.set(uint32(place), input); code != 0 {
			return nil, failed(code, "input %d", place)
		}
	}
	if code := compute(c.handle); code != 0 {
		return nil, failed(code, "the inference")
	}
	tensors := make([]Tensor, outputs)
	for place := range tensors {
		data, err := c.output(place)
		if err != nil {
			return nil, err
		}
		tensors[place].Data = data
	}
	return tensors, nil
}

// Keeps what an address was taken of on the heap, where it does not move.
var lent Input

func (c *Context) set(place uint32, input Input) uint32 {
	lent = input
	record.dimensions = address(unsafe.Pointer(unsafe.SliceData(input.dimensions)))
	record.rank = uint32(len(input.dimensions))
	record.ty = input.ty
	record.data = address(unsafe.Pointer(unsafe.SliceData(input.data)))
	record.size = uint32(len(input.data))
	code := setInput(c.handle, place, unsafe.Pointer(&record))
	runtime.KeepAlive(input)
	lent = Input{}
	return code
}

// The interface does not say how large an output is; larger rooms are tried until it fits.
func (c *Context) output(place int) ([]byte, error) {
	for len(c.sizes) <= place {
		c.sizes = append(c.sizes, firstRoom)
	}
	room := max(c.sizes[place], 1)
	for {
		data := make([]byte, room)
		code := getOutput(c.handle, uint32(place), unsafe.Pointer(unsafe.SliceData(data)), uint32(room), unsafe.Pointer(&number))
		if ErrorCode(code) == TooLarge && room < mostRoom {
			room = max(2*room, firstRoom)
			continue
		}
		if code != 0 {
			return nil, failed(code, "output %d", place)
		}
		c.sizes[place] = int(number)
		return data[:number], nil
	}
}

// An address in the sandbox's memory, which has 32 bits; Go's own have 64.
func address(pointer unsafe.Pointer) uint32 { return uint32(uintptr(pointer)) }

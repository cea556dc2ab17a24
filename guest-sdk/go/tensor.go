package tollgate

import (
	"fmt"
	"unsafe"
)

// TensorType is the type of one element, as wasi_ephemeral_nn numbers them; it has no BF16.
type TensorType uint8

const (
	FP16 TensorType = 0
	FP32 TensorType = 1
	FP64 TensorType = 2
	U8   TensorType = 3
	I32  TensorType = 4
	I64  TensorType = 5
)

// Element is what Go has numbers for.
type Element interface {
	float32 | float64 | uint8 | int32 | int64
}

// Input is a tensor going in: dense, row-major, little-endian. The host reads the elements where they
// lie when the inference is asked for, and judges whether they suit the graph.
type Input struct {
	dimensions []uint32
	ty         TensorType
	data       []byte
}

// NewInput is a tensor of as many elements as the dimensions say, outermost first.
func NewInput[T Element](dimensions []uint32, elements []T) Input {
	var one T
	size := len(elements) * int(unsafe.Sizeof(one))
	data := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(elements))), size)
	return Input{dimensions, typeOf(one), data}
}

// InputOf is a tensor of elements that Go has no numbers for, as their bytes.
func InputOf(dimensions []uint32, ty TensorType, data []byte) Input {
	return Input{dimensions, ty, data}
}

func typeOf(one any) TensorType {
	switch one.(type) {
	case float32:
		return FP32
	case float64:
		return FP64
	case int32:
		return I32
	case int64:
		return I64
	default:
		return U8
	}
}

// Tensor came out of an inference. Its type and dimensions are the model's to know.
type Tensor struct {
	// Data is the elements' bytes.
	Data []byte
}

// Elements are a tensor's numbers. An error where its bytes are no whole number of them.
func Elements[T Element](tensor Tensor) ([]T, error) {
	var one T
	size := int(unsafe.Sizeof(one))
	if len(tensor.Data)%size != 0 {
		return nil, &Error{InvalidArgument, fmt.Sprintf("reading %d bytes as elements of %d", len(tensor.Data), size)}
	}
	elements := make([]T, len(tensor.Data)/size)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(elements))), len(tensor.Data)), tensor.Data)
	return elements, nil
}

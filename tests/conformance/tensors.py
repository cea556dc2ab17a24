"""Tensors as both sides of a comparison have them, and as bytes; `tests/guests/conformance` says what
the format is."""

import struct
from dataclasses import dataclass

from onnx import TensorProto

# wasi-nn's types in the order of its enumeration.
NAMEABLE = [
    TensorProto.FLOAT16,
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.BFLOAT16,
    TensorProto.UINT8,
    TensorProto.INT32,
    TensorProto.INT64,
]


@dataclass(frozen=True)
class Tensor:
    """`element` is ONNX's number of the type, or none for what is not a tensor."""

    name: str
    element: int | None
    dimensions: tuple[int, ...] = ()
    data: bytes = b""

    def nameable(self):
        return self.element in NAMEABLE

    def described(self):
        element = "no tensor" if self.element is None else TensorProto.DataType.Name(self.element)
        return f"`{self.name}` {element}{list(self.dimensions)}"


def number(value):
    return struct.pack("<I", value)


def counted(data):
    return number(len(data)) + data


def write(tensors):
    parts = [number(len(tensors))]
    for tensor in tensors:
        parts.append(counted(tensor.name.encode()))
        parts.append(bytes([NAMEABLE.index(tensor.element)]))
        parts.append(number(len(tensor.dimensions)))
        parts.extend(map(number, tensor.dimensions))
        parts.append(counted(tensor.data))
    return b"".join(parts)


class Reader:
    def __init__(self, data):
        self.data, self.at = memoryview(data), 0

    def take(self, count):
        taken = self.data[self.at : self.at + count]
        if len(taken) != count:
            raise ValueError("an answer is cut short")
        self.at += count
        return bytes(taken)

    def number(self):
        return struct.unpack("<I", self.take(4))[0]

    def counted(self):
        return self.take(self.number())

    def tensors(self):
        return [self.tensor() for _ in range(self.number())]

    def tensor(self):
        name = self.counted().decode()
        element = NAMEABLE[self.take(1)[0]]
        dimensions = tuple(self.number() for _ in range(self.number()))
        return Tensor(name, element, dimensions, self.counted())

    def ended(self):
        return self.at == len(self.data)

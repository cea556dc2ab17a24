"""Tensors: what goes into an inference and what comes out of one.

Elements are dense, row-major and little-endian. Nothing here judges whether a tensor suits a graph;
the host does, and names the tensor when it does not.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wit_world.imports.tensor import TensorType

from ._check import kind, member, octets, sequence, text, whole
from ._error import Error, ErrorCode

__all__ = ["Input", "Tensor", "TensorType", "checked"]

_LARGEST_DIMENSION = 2**32 - 1

_CODES = {
    TensorType.FP16: "e",
    TensorType.FP32: "f",
    TensorType.FP64: "d",
    TensorType.U8: "B",
    TensorType.I32: "i",
    TensorType.I64: "q",
}
"""Python's names for the types of elements that it has."""


@dataclass(frozen=True)
class Input:
    """A tensor going in.

    The host reads `bytes` where they lie; anything else that holds bytes, such as an `array`, is
    copied once before. Name, dimensions, type and data are looked at when it is used.
    """

    dimensions: Sequence[int]
    """The size of each dimension, outermost first. A scalar has none."""
    ty: TensorType
    """The type of one element."""
    data: bytes | bytearray | memoryview | array[Any]
    """As many elements as the dimensions say."""
    name: str | None = None
    """The graph's input of this name; without one, the input at this one's place in the list."""


@dataclass(frozen=True)
class Tensor:
    """A tensor that came out of an inference."""

    dimensions: Sequence[int]
    """The size of each dimension, outermost first. A scalar has none."""
    ty: TensorType
    """The type of one element."""
    data: bytes
    """The elements' bytes."""

    def elements(self, ty: TensorType) -> Sequence[float]:
        """The elements as Python's numbers.

        Raises `Error` with `INVALID_ARGUMENT` where the tensor is not of this type, or of one that
        Python has no numbers for (BF16).
        """
        code = _CODES.get(ty)
        if ty != self.ty or code is None:
            raise Error(
                ErrorCode.INVALID_ARGUMENT,
                f"the tensor holds {self.ty.name.lower()}, not {ty.name.lower()}: read it as what "
                "it is, or export the model with the other type",
            )
        if code == "e":
            return struct.unpack(f"<{len(self.data) // 2}e", self.data)
        elements: Sequence[float] = array(code, self.data)
        return elements


def checked(inputs: Sequence[Input]) -> list[tuple[str | None, list[int], TensorType, bytes]]:
    """Inputs as the bindings want them: each one's name, dimensions, type and bytes.

    Raises `TypeError` or `ValueError` where one is of a type that they do not take.
    """
    return [_checked(place, one) for place, one in enumerate(sequence("the inputs", inputs, "tollgate.Input"))]


def _checked(place: int, one: Any) -> tuple[str | None, list[int], TensorType, bytes]:
    what = f"input {place}"
    if not isinstance(one, Input):
        raise TypeError(f"{what}: expected tollgate.Input, got {kind(one)}")
    name = None if one.name is None else text(f"{what}, its name", one.name)
    dimensions = [
        whole(f"{what}, its dimension {axis}", size, _LARGEST_DIMENSION)
        for axis, size in enumerate(sequence(f"{what}, its dimensions", one.dimensions, "int"))
    ]
    ty = member(f"{what}, its ty", one.ty, TensorType)
    return name, dimensions, ty, octets(f"{what}, its data", one.data)

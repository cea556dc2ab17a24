"""Arithmetic in 32-bit floats, which Python lacks, so that all languages read the same digits.

A sum, difference, product or quotient of two 32-bit floats is the same whether it is rounded once, or
to 64 bits and then to 32: rounding after every operation is all there is to it.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from struct import Struct

_FLOAT = Struct("f")

EXACT = 1 << 24
"""Whole numbers up to this are 32-bit floats."""


def f32(value: float) -> float:
    """The nearest 32-bit float."""
    rounded: float
    (rounded,) = _FLOAT.unpack(_FLOAT.pack(value))
    return rounded


def each(values: Iterable[float]) -> array[float]:
    """The nearest 32-bit float to each value."""
    return array("f", values)


def total(values: Sequence[int]) -> float:
    """The sum of whole numbers of zero and more, one added after the other in 32-bit floats."""
    exact = sum(values)
    if exact <= EXACT:
        return float(exact)
    *_, last = accumulate(values, lambda sum, value: f32(sum + value))
    return last

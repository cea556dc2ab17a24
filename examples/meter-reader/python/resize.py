"""Making a window the model's square: linear weights over all that a new pixel covers, in fixed point.

This is what the library does that the Rust plugin uses, so that all languages see the same digits.
"""

from collections.abc import Sequence
from math import ceil, floor
from operator import mul

SIDE = 16
"""Rows and columns of the model's input."""

WEIGHT_BITS = 15
"""Bits that a weight may have, its sign apart."""
MOST_PRECISION = 32 - 8 - 2
"""Bits that a sum has left beside a pixel's eight and two for what overflows."""


class Weights:
    """The weights of one axis."""

    def __init__(self, size: int) -> None:
        """For an axis of `size` places."""
        self.size = size
        scale = size / SIDE
        radius = max(scale, 1.0)
        exact: list[tuple[int, list[float]]] = []
        for place in range(SIDE):
            centre = (place + 0.5) * scale
            first = max(floor(centre - radius), 0)
            end = min(ceil(centre + radius), size)
            parts = [
                max(1.0 - abs((x - (centre - 0.5)) * (1.0 / radius)), 0.0) for x in range(first, end)
            ]
            sum_of_parts = 0.0
            for part in parts:
                sum_of_parts += part
            exact.append((first, [part / sum_of_parts for part in parts]))
        self.precision = _precision(max(max(parts) for _, parts in exact))
        one = 1 << self.precision
        self.parts = [(first, [floor(part * one + 0.5) for part in parts]) for first, parts in exact]

    def means(self, pixels: Sequence[int]) -> list[int]:
        """The new pixels of one row or column."""
        half = 1 << (self.precision - 1)
        return [
            min((sum(map(mul, pixels[first : first + len(parts)], parts)) + half) >> self.precision, 255)
            for first, parts in self.parts
        ]


def _precision(largest: float) -> int:
    """As fine as the largest weight allows: a weight of one is two to the power of this."""
    precision = 0
    while (
        precision + 1 < MOST_PRECISION
        and floor(largest * (1 << (precision + 1)) + 0.5) < 1 << WEIGHT_BITS
    ):
        precision += 1
    return precision

"""Which pixels are dark against their surroundings.

A pixel is compared with the mean of the square around it, clipped at the picture's edges. Light that
changes slowly over the picture changes both and drops out. Sums are kept per column and slid down the
picture, so the cost does not depend on the size of the square.
"""

from itertools import accumulate
from operator import add, lt, mul, sub

from float32 import each, f32
from picture import Picture

REACH = 6
"""Half a side of the square, as a part of the picture's width."""
SHARE = 0.625
"""Dark is below this share of the mean."""


def shade(picture: Picture) -> list[bytes]:
    """The rows of the picture with one byte a pixel, 1 where it is dark."""
    width, height = picture.width, picture.height
    reach = width // REACH
    rows = picture.rows()
    across = [_span(x, reach, width) for x in range(width)]
    columns = [0] * width
    for row in rows[:reach]:
        columns = list(map(add, columns, row))

    dark = []
    for y, row in enumerate(rows):
        if y + reach < height:
            columns = list(map(add, columns, rows[y + reach]))
        if y > reach:
            columns = list(map(sub, columns, rows[y - reach - 1]))
        # Running sums with `reach + 1` zeros before them and `reach` repeats after them: the sum of
        # the square around a column is then the difference of two places a fixed distance apart.
        sums = [0] * (reach + 1)
        sums.extend(accumulate(columns))
        sums.extend(sums[-1:] * reach)
        share = f32(SHARE / _span(y, reach, height))
        limits = each(square * share for square in map(sub, sums[2 * reach + 1 :], sums))
        # Whole numbers below 2^24, which are 32-bit floats already.
        scaled = map(mul, row, across)
        dark.append(bytes(map(lt, scaled, limits)))
    return dark


def _span(x: int, reach: int, size: int) -> int:
    """How many of the places within `reach` of `x` lie within 0..size."""
    return min(x + reach + 1, size) - max(x - reach, 0)

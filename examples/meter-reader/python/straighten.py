"""The plate, turned upright and cut out.

A small turn is two shears: every column moves up or down, then every row left or right. Each shear mixes
two neighbouring rows (or columns) with weights that are the same along a row, so both are plain loops.
Bounded by the plate's size, which is at most the picture's.
"""

from itertools import groupby
from math import ceil, floor, sqrt

from float32 import each, f32
from picture import Picture
from plate import Plate


def straighten(picture: Picture, plate: Plate) -> Picture:
    """What the plate shows, upright, at the picture's scale."""
    width, height = floor(plate.width + 0.5), floor(plate.height + 0.5)
    sine = f32(plate.slope / f32(sqrt(f32(1.0 + f32(plate.slope * plate.slope)))))
    # The second shear moves rows by up to this much to either side.
    margin = ceil(f32(plate.height / 2.0 * abs(sine))) + 1
    wide = width + 2 * margin
    left = f32(plate.centre[0] - wide / 2.0)
    sheared = _shear(picture, plate, left, wide, height)

    # Second shear: what lies above the middle came from one side, what lies below from the other.
    strip = bytearray()
    for y, row in enumerate(sheared):
        down = f32(y + 0.5 - height / 2.0)
        start = f32(margin - f32(down * sine))
        weight = int(f32(start - floor(start)) * 256.0)
        first = min(max(floor(start), 0), 2 * margin - 1)
        near, following = row[first : first + width], row[first + 1 : first + 1 + width]
        rest = 256 - weight
        strip.extend([(a * rest + b * weight) >> 8 for a, b in zip(near, following)])
    return Picture.checked(width, height, bytes(strip))


def _shear(picture: Picture, plate: Plate, left: float, wide: int, height: int) -> list[bytes]:
    """Moves every column up or down.

    What lies beside the picture stays black; above and below, its edge goes on.
    """
    across = each(x - plate.centre[0] for x in each(x + 0.5 for x in each(left + x for x in range(wide))))
    falls = each(plate.centre[1] + fall for fall in each(x * plate.slope for x in across))
    tops = each(y - plate.height / 2.0 for y in falls)
    rows = [floor(y) for y in tops]
    weights = [int(f32(y - row) * 256.0) for y, row in zip(tops, rows)]
    # Neighbouring columns mostly come from the same pair of rows.
    stretches = []
    column = floor(left)
    start = max(0, -column)
    end = min(wide, picture.width - column)
    for row, places in groupby(range(start, end), key=rows.__getitem__):
        place, *others = places
        stop = place + 1 + len(others)
        stretches.append((row, slice(place + column, stop + column), weights[place:stop]))

    sheared = []
    for y in range(height):
        out = bytearray(max(0, min(start, wide)))
        for row, columns, shares in stretches:
            upper, lower = picture.row(row + y)[columns], picture.row(row + y + 1)[columns]
            out.extend([(a * (256 - w) + b * w) >> 8 for a, b, w in zip(upper, lower, shares)])
        out.extend(bytes(wide - len(out)))
        sheared.append(bytes(out))
    return sheared

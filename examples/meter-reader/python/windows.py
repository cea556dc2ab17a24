"""The digit windows of an upright plate.

A column that crosses a window has something light in it, ink or no ink, since the ink never fills a
window from its upper to its lower edge; a column between two windows has nothing light. The same goes
for rows. So the windows are stretches of the columns' and rows' maxima, and five of them in an even row
are a register.
"""

from dataclasses import dataclass
from math import floor
from statistics import median_low
from typing import NamedTuple

from tollgate import InvalidFrame

from float32 import f32
from picture import Picture

DIGITS = 5
"""Digits of a register."""
RIM = 9
"""The strip's outermost rows may show what lies beside the plate: this part of its height is left out."""
UNEVEN = f32(0.12)
"""A centre may be this far from where an even row has it, as a part of the distance of two."""
ODD = f32(0.3)
"""A window's width may differ this much from the median of the five, as a part of it."""


@dataclass(frozen=True)
class Window:
    """Where a digit is, in pixels of the strip."""

    left: int
    top: int
    width: int
    height: int


class Stretch(NamedTuple):
    """Places from `start` to `end`, without `end`."""

    start: int
    end: int


def find_windows(strip: Picture) -> list[Window]:
    """Finds the windows."""
    rows = strip.rows()
    rim = strip.height // RIM
    across = [max(column) for column in zip(*rows[rim : strip.height - rim])]
    least = max(strip.width // 40, 3)
    pitch, first, wide = _even(_stretches(across, strip.width // DIGITS, 2, least))

    half = wide / 2.0
    centres = (f32(first + f32(pitch * place)) for place in range(DIGITS))
    lefts = [max(floor(f32(centre - half) + 0.5), 0) for centre in centres]
    width = floor(wide + 0.5)
    # The row maxima of each window's columns; of the five, the third is what a row is judged by.
    down = [
        median_low([max(row[left : left + width]) if left + width <= len(row) else 0 for left in lefts])
        for row in rows
    ]
    middle = strip.height // 2
    for start, end in _stretches(down, strip.height, 2, strip.height // 3):
        if start <= middle < end and lefts[-1] + width <= strip.width:
            return [Window(left, start, width, end - start) for left in lefts]
    raise _uneven()


def _stretches(profile: list[int], reach: int, gap: int, least: int) -> list[Stretch]:
    """Stretches of light places, of at least `least`; gaps of up to `gap` do not part them."""
    found: list[Stretch] = []
    for place, value in enumerate(profile):
        # Light is nearer to the lightest than to the darkest of those within reach.
        near = profile[max(place - reach, 0) : place + reach + 1]
        darkest, lightest = min(near), max(near)
        if lightest <= darkest + 20 or value * 2 <= darkest + lightest:
            continue
        if found and place <= found[-1].end + gap:
            found[-1] = Stretch(found[-1].start, place + 1)
        else:
            found.append(Stretch(place, place + 1))
    return [one for one in found if one.end - one.start >= least]


def _even(found: list[Stretch]) -> tuple[float, float, float]:
    """The distance of two windows' centres, the first one's centre and their width."""
    if len(found) != DIGITS:
        raise InvalidFrame(
            f"expected a register of {DIGITS} digit windows, found {len(found)}: check the light and the focus"
        )
    narrowest, _, wide, _, widest = sorted(one.end - one.start for one in found)
    # Least squares over places -2 to 2; halves of small whole numbers, which add up exactly.
    a, b, c, d, e = centres = [(one.start + one.end) / 2.0 for one in found]
    pitch = f32((2.0 * (e - a) + (d - b)) / 10.0)
    first = f32(f32((a + b + c + d + e) / 5.0) - f32(2.0 * pitch))
    for place, centre in enumerate(centres):
        if abs(f32(f32(centre - first) - f32(pitch * place))) > f32(UNEVEN * pitch):
            raise _uneven()
    if narrowest < f32(wide * f32(1.0 - ODD)) or widest > f32(wide * f32(1.0 + ODD)) or wide > pitch:
        raise _uneven()
    return pitch, first, float(wide)


def _uneven() -> InvalidFrame:
    return InvalidFrame(
        f"expected {DIGITS} digit windows in an even row, found an uneven one: check what covers the register"
    )

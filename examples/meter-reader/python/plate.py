"""The plate: the largest dark shape that is much wider than high, and how it lies in the picture.

Dark pixels are gathered into runs of one row, runs that touch into shapes. The plate's upper and lower
edges are fitted to the outermost dark pixels of its columns, leaving out those that other dark things
stick to; its ends are medians. Bounded by the number of runs, at most half a picture's pixels.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from math import inf, sqrt
from operator import mul, sub

from float32 import each, f32, total

LEAST_WIDTH = f32(0.3)
"""A plate's least width, as a part of the picture's."""
LEAST_PROPORTION, MOST_PROPORTION = 2.0, 9.0
"""Bounds of width over height."""
STEEPEST = f32(0.21)
"""The steepest slope that is still read: about 12 degrees."""
STRAY = 1.5
"""Edge pixels further than this from the fitted line, in pixels, do not belong to it."""


@dataclass(frozen=True)
class Plate:
    """A rectangle that may be turned a little. Lengths are in pixels, along its own axes."""

    centre: tuple[float, float]
    """The middle, from the picture's upper left corner."""
    width: float
    height: float
    slope: float
    """Pixels down for each pixel to the right."""


@dataclass
class Run:
    """A stretch of dark pixels in one row: columns `start` to `end`, without `end`."""

    y: int
    start: int
    end: int
    shape: int


def find_plate(dark: list[bytes], width: int) -> Plate | None:
    """Finds the plate among the dark pixels of a picture of this width."""
    shapes = defaultdict[int, list[Run]](list)
    for run in _runs(dark):
        shapes[run.shape].append(run)
    least = int(f32(width * LEAST_WIDTH))
    candidates = [runs for _, runs in sorted(shapes.items()) if _could_be_plate(runs, least)]
    if not candidates:
        return None
    # Of two that are equal, the later one.
    return _lie(max(reversed(candidates), key=_pixels))


def _runs(dark: list[bytes]) -> list[Run]:
    """All runs, each with the number of its shape."""
    runs: list[Run] = []
    # For each shape, the shape that it was found to be a part of; itself where there is none.
    parents: list[int] = []

    def root(shape: int) -> int:
        # Parents have smaller numbers, so this ends.
        while parents[shape] < shape:
            shape = parents[shape]
        return shape

    above: list[Run] = []
    for y, row in enumerate(dark):
        here: list[Run] = []
        passed = 0
        start = row.find(1)
        while start >= 0:
            end = row.find(0, start)
            if end < 0:
                end = len(row)
            # Runs of the row above that end before this one starts touch nothing further right
            # either.
            while passed < len(above) and above[passed].end <= start:
                passed += 1
            shape = None
            for place in range(passed, len(above)):
                if above[place].start >= end:
                    break
                other = root(above[place].shape)
                if shape is None:
                    shape = other
                else:
                    shape, part = min(shape, other), max(shape, other)
                    parents[part] = shape
            if shape is None:
                shape = len(parents)
                parents.append(shape)
            here.append(Run(y, start, end, shape))
            start = row.find(1, end)
        runs += here
        above = here
    for run in runs:
        run.shape = root(run.shape)
    return runs


def _pixels(runs: list[Run]) -> int:
    return sum(run.end - run.start for run in runs)


def _box(runs: list[Run]) -> tuple[int, int, int]:
    """The first column, the columns and the rows of a shape."""
    left = min(run.start for run in runs)
    return left, max(run.end for run in runs) - left, runs[-1].y + 1 - runs[0].y


def _could_be_plate(runs: list[Run], least: int) -> bool:
    _, wide, high = _box(runs)
    return wide >= least and high >= 12 and wide >= high and _pixels(runs) * 6 >= wide * high


def _lie(runs: list[Run]) -> Plate | None:
    """How the plate lies, from the runs of its shape in the order of their rows."""
    left, wide, _ = _box(runs)
    upper: list[int | None] = [None] * wide
    lower: list[int | None] = [None] * wide
    for run in runs:
        for column in range(run.start - left, run.end - left):
            if upper[column] is None:
                upper[column] = run.y
            lower[column] = run.y + 1
    # Rounded corners and the slanted ends are no part of the edges.
    skip = wide // 10
    inner = slice(skip, wide - skip)
    above, below = _fit(upper[inner], left + skip), _fit(lower[inner], left + skip)
    if above is None or below is None:
        return None
    slope = f32(above[1] + below[1]) / 2.0
    if abs(slope) > STEEPEST or abs(f32(above[1] - below[1])) > STEEPEST / 2.0:
        return None

    # The ends, measured along the plate.
    cosine = f32(1.0 / f32(sqrt(f32(1.0 + f32(slope * slope)))))
    sine = f32(slope * cosine)

    def along(x: int, y: int) -> float:
        return f32(f32(x * cosine) + f32((y + 0.5) * sine))

    rows = [list(row) for _, row in groupby(runs, key=lambda run: run.y)]
    first = _median([along(row[0].start, row[0].y) for row in rows])
    last = _median([along(row[-1].end, row[-1].y) for row in rows])
    width, height = f32(last - first), f32(f32(below[0] - above[0]) * cosine)
    if height == 0.0 or not LEAST_PROPORTION <= f32(width / height) <= MOST_PROPORTION:
        return None
    # Back from along the plate to the picture: the middle lies on the line halfway between the edges.
    halfway = f32(below[0] + above[0]) / 2.0
    middle = f32(f32(first + last) / 2.0 - f32(halfway * sine))
    x = f32(middle / f32(cosine + f32(slope * sine)))
    return Plate((x, f32(halfway + f32(slope * x))), width, height, slope)


def _fit(edge: list[int | None], first: int) -> tuple[float, float] | None:
    """The line through the points (first + place + 0.5, value): its value at zero and its slope.

    Fitted three times, each time without the points that the line before left lying far off.
    """
    points = [(x, y) for x, y in enumerate(edge) if y is not None]
    at = slope = 0.0
    for allowed in (inf, 3.0 * STRAY, STRAY):
        kept = points
        if allowed < inf:
            rises = each(y - at for _, y in points)
            falls = each(slope * x for x, _ in points)
            off = each(map(sub, rises, falls))
            kept = [point for point, distance in zip(points, off) if abs(distance) <= allowed]
        if len(kept) < 8:
            return None
        xs, ys = zip(*kept)
        n, sx, sy = float(len(kept)), total(xs), total(ys)
        sxx, sxy = total(list(map(mul, xs, xs))), total(list(map(mul, xs, ys)))
        spread = f32(f32(n * sxx) - f32(sx * sx))
        if spread <= 0.0:
            return None
        slope = f32(f32(f32(n * sxy) - f32(sx * sy)) / spread)
        at = f32(f32(sy - f32(slope * sx)) / n)
    return f32(at - f32(slope * (first + 0.5))), slope


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]

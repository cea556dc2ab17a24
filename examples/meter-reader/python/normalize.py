"""Digit windows to the model's input.

Each window is cut out a little inside its edges, resized to the model's square and stretched so that its
paper is 0 and its ink is 1, whatever the light was. Knows the model's input and nothing of what comes out
of it.
"""

from array import array

from float32 import each, f32
from locate import Register
from resize import SIDE, Weights

__all__ = ["SIDE", "normalize"]

INSET = 14
"""What is cut off at each edge, as one part of the window's size: its own blur and shadow."""
INK, PAPER = 6, 192
"""Of 256 pixels from dark to light, the one that is taken for ink, and the one for paper."""
LEAST_CONTRAST = 28
"""Less than this is an empty window, whose noise is not to be stretched into a digit."""


def normalize(register: Register) -> array[float]:
    """The register's windows from left to right, in 32-bit floats: 0 paper, 1 ink."""
    rows = register.strip.rows()
    # All windows are of one size.
    size = register.windows[0]
    across, down = size.width // INSET, size.height // INSET
    columns = Weights(size.width - 2 * across)
    lines = Weights(size.height - 2 * down)
    pixels = array("f")
    for window in register.windows:
        left, top = window.left + across, window.top + down
        cut = [row[left : left + columns.size] for row in rows[top : top + lines.size]]
        # First down, then across.
        lower = zip(*[lines.means(column) for column in zip(*cut)])
        square = [pixel for row in lower for pixel in columns.means(row)]
        pixels.extend(_stretch(square))
    return pixels


def _stretch(square: list[int]) -> array[float]:
    """Bytes to floats: paper to 0, ink to 1, what lies beyond cut off."""
    ordered = sorted(square)
    paper = ordered[PAPER]
    contrast = max(paper - ordered[INK], LEAST_CONTRAST)
    factor, offset = f32(1.0 / -contrast), f32(paper / contrast)
    scaled = each(pixel * factor for pixel in square)
    return each(min(max(value, 0.0), 1.0) for value in each(value + offset for value in scaled))

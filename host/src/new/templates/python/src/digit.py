"""What the plugin does without its host: a picture to the model's input, scores to a digit."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

SIDE = 16

HEADER = b"P5\n16 16\n255\n"
"""What a picture begins with; the pixels follow, row by row."""


def ink(picture: bytes) -> array[float]:
    """Reads a PGM picture of 16 x 16 pixels as the model takes it: the darkest is 1, the lightest 0.

    Raises `ValueError` where the bytes are no such picture.
    """
    pixels = picture.removeprefix(HEADER)
    if not picture.startswith(HEADER) or len(pixels) != SIDE * SIDE:
        raise ValueError("expected a PGM picture of 16 x 16 pixels")
    lightest = max(pixels)
    contrast = max(lightest - min(pixels), 1)
    return array("f", ((lightest - pixel) / contrast for pixel in pixels))


def best(scores: Sequence[float]) -> tuple[int, float]:
    """The place of the highest of the scores, and that score."""
    return max(enumerate(scores), key=lambda scored: scored[1])

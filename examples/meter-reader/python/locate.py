"""A grey picture to the five digit windows of a register.

A register is a dark plate, much wider than high, with five light windows in a row. It is found in four
steps: what is dark against its surroundings, so that uneven light does not matter (`shade`); the largest
dark shape that a plate could be (`plate`); that plate turned upright, so that rotation and shift no
longer matter (`straighten`); the windows in it (`windows`). No step knows what a digit is. Where any of
them does not find what a register has, the fault says what is missing; it is never a guess.

The work is bounded by `WORKING_WIDTH`: larger pictures are shrunk first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tollgate import InvalidFrame

from picture import Picture
from plate import find_plate
from shade import shade
from straighten import straighten
from windows import DIGITS, Window, find_windows

__all__ = ["DIGITS", "Register", "Window", "locate"]

WORKING_WIDTH = 288
"""Pictures are shrunk by a whole number until they are narrower than twice this, in pixels."""


@dataclass(frozen=True)
class Register:
    """A register, upright and cut out of its picture."""

    strip: Picture
    """The plate, at the scale at which it was found."""
    windows: list[Window]
    """From left to right, all of one size."""


def locate(picture: Picture) -> Register:
    """Finds the register."""
    factor = picture.width // WORKING_WIDTH
    if factor > 1:
        with _large_enough():
            picture = picture.shrunk(factor)
    plate = find_plate(shade(picture), picture.width)
    if plate is None:
        raise InvalidFrame(
            "expected a dark register plate, found none: check where the camera points"
        )
    with _large_enough():
        strip = straighten(picture, plate)
    return Register(strip, find_windows(strip))


@contextmanager
def _large_enough() -> Iterator[None]:
    try:
        yield
    except InvalidFrame as fault:
        raise InvalidFrame(f"the register is too small to be read: {fault}") from fault

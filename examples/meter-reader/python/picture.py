"""Bytes of a frame to a grey picture.

Binary PGM, by its first bytes and by nothing else: the frame's content type is the sender's opinion.
Bounded by `MAX_SIDE` and `MAX_PIXELS`, both checked before anything of that size is allocated. Knows
nothing of meters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tollgate import InvalidFrame

MAX_SIDE = 4096
"""The longest side in pixels. A camera that looks at one register has no need of more."""
MAX_PIXELS = 4 << 20
"""The most pixels: 4 MiB of grey."""
MIN_SIDE = 24
"""The shortest side in pixels on which five digits could still be told apart."""

_SPACE = b" \t\n\f\r"
_NUMBER = re.compile(rb"(?:[ \t\n\f\r]|#[^\n]*)*([0-9]+)")


@dataclass(frozen=True)
class Picture:
    """A grey picture, one byte a pixel, rows without padding, white is 255."""

    width: int
    height: int
    luma: bytes

    @classmethod
    def decode(cls, data: bytes) -> Picture:
        """The picture in the bytes of a frame."""
        if not data.startswith(b"P5"):
            found = "a JPEG" if data.startswith(b"\xff\xd8") else "something else"
            raise InvalidFrame(f"expected a binary PGM (P5), got {found}: check what the camera sends")
        width, at = _number(data, 2)
        height, at = _number(data, at)
        maximum, at = _number(data, at)
        pixels = _checked(width, height)
        if at == len(data):
            raise _short(pixels, 0)
        if data[at] not in _SPACE:
            raise _refused("no white space after its maximum")
        luma = data[at + 1 : at + 1 + pixels]
        if len(luma) < pixels:
            raise _short(pixels, len(luma))
        if not 1 <= maximum <= 255:
            raise _refused("another maximum")
        if maximum < 255:
            luma = luma.translate(bytes(min(pixel, maximum) * 255 // maximum for pixel in range(256)))
        return cls(width, height, luma)

    @classmethod
    def checked(cls, width: int, height: int, luma: bytes) -> Picture:
        """A picture of these pixels; refused where that is no size for one."""
        _checked(width, height)
        return cls(width, height, luma)

    def row(self, y: int) -> bytes:
        """One row; the first for anything above it, the last for anything below."""
        start = min(max(y, 0), self.height - 1) * self.width
        return self.luma[start : start + self.width]

    def rows(self) -> list[bytes]:
        """The rows from top to bottom."""
        return [self.row(y) for y in range(self.height)]

    def shrunk(self, factor: int) -> Picture:
        """This picture at 1 / factor of its size, each pixel the mean of a square of `factor` a side."""
        width, height = self.width // factor, self.height // factor
        area = factor * factor
        means = bytearray()
        for top in range(0, height * factor, factor):
            columns = [sum(column) for column in zip(*map(self.row, range(top, top + factor)))]
            means.extend(
                sum(columns[left : left + factor]) // area for left in range(0, width * factor, factor)
            )
        return Picture.checked(width, height, bytes(means))


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Skips white space and comments, then reads one decimal number; and where it ends."""
    found = _NUMBER.match(data, at)
    if found is None or len(found[1]) > 9:
        raise _refused("a header without its three numbers")
    return int(found[1]), found.end()


def _checked(width: int, height: int) -> int:
    if MIN_SIDE <= min(width, height) and max(width, height) <= MAX_SIDE and width * height <= MAX_PIXELS:
        return width * height
    raise InvalidFrame(
        f"expected a picture of {MIN_SIDE} to {MAX_SIDE} pixels a side and {MAX_PIXELS} in all, "
        f"got {width}x{height}: crop or scale it"
    )


def _refused(what: str) -> InvalidFrame:
    return InvalidFrame(
        f"expected a binary PGM with 8 bits a pixel, got {what}: write it as P5 with a maximum of 255"
    )


def _short(expected: int, got: int) -> InvalidFrame:
    return InvalidFrame(f"expected {expected} pixels, got {got}: check the transfer")

"""Whether values are what the host's interfaces take: the bindings trap on others, and a trap says nothing.

Each function hands back the value as the bindings want it, or raises a `TypeError` or `ValueError` that
says which value it is, what was expected and what came.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

__all__ = ["kind", "member", "octets", "sequence", "text", "whole"]


def kind(value: object) -> str:
    """What a value is, as its author calls it."""
    return "None" if value is None else type(value).__qualname__


def text(what: str, value: object) -> str:
    """A text that can be written as UTF-8."""
    if not isinstance(value, str):
        raise TypeError(f"{what}: expected str, got {kind(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        found = f"U+{ord(value[error.start]):04X}"
        raise ValueError(
            f"{what}: expected text that UTF-8 can hold, got a lone surrogate ({found}): encode it with "
            "errors='replace' first"
        ) from None
    return value


def octets(what: str, value: object) -> bytes:
    """Bytes, copied where they are not `bytes` already."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview, array)):
        return value.tobytes() if isinstance(value, (memoryview, array)) else bytes(value)
    remedy = ": encode it" if isinstance(value, str) else ""
    raise TypeError(f"{what}: expected bytes, bytearray, memoryview or array, got {kind(value)}{remedy}")


def whole(what: str, value: object, most: int) -> int:
    """A whole number from zero to the largest that is allowed."""
    if not isinstance(value, int):
        raise TypeError(f"{what}: expected int, got {kind(value)}")
    if not 0 <= value <= most:
        raise ValueError(f"{what}: expected a number from 0 to {most}, got {_short(value)}")
    return int(value)


def member(what: str, value: Any, of: type) -> Any:
    """One of an enumeration's members."""
    if not isinstance(value, of):
        raise TypeError(f"{what}: expected one of tollgate.{of.__name__}, got {kind(value)}")
    return value


def sequence(what: str, value: Any, of: str) -> Sequence[Any]:
    """A list, a tuple or another sequence, which text and bytes are not."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"{what}: expected a list of {of}, got {kind(value)}")
    return value


def _short(number: int) -> str:
    # Writing a huge number out takes long, and is refused beyond some thousand digits.
    return str(number) if number.bit_length() <= 128 else f"one of {number.bit_length()} bits"

"""Lines into the host's log."""

from wit_world.imports import logging
from wit_world.imports.logging import Level

from ._check import kind, member

__all__ = ["Level", "log"]


def log(level: Level, context: str, message: str) -> None:
    """Logs one line; `context` groups lines that belong together, and may be empty.

    It takes a crossing. Without the grant, and beyond the host's limits, nobody sees it.
    """
    member("the level", level, Level)
    logging.log(level, _line("the context", context), _line("the message", message))


def _line(what: str, value: object) -> str:
    # What UTF-8 cannot hold is no reason to lose a line.
    if not isinstance(value, str):
        raise TypeError(f"{what}: expected str, got {kind(value)}")
    return value.encode(errors="replace").decode()

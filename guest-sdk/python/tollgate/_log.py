"""Lines into the host's log."""

from wit_world.imports import logging
from wit_world.imports.logging import Level

__all__ = ["Level", "log"]


def log(level: Level, context: str, message: str) -> None:
    """Logs one line; `context` groups lines that belong together, and may be empty.

    It takes a crossing. Without the grant, and beyond the host's limits, nobody sees it.
    """
    logging.log(level, context, message)

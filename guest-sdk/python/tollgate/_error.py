"""What goes wrong: a graph call's `Error`, and a plugin's `Fault`."""

from collections.abc import Iterator
from contextlib import contextmanager

from componentize_py_types import Err
from wit_world.imports import errors
from wit_world.imports.errors import ErrorCode

__all__ = [
    "Error",
    "ErrorCode",
    "Fault",
    "Inference",
    "Internal",
    "InvalidFrame",
    "StoreError",
    "raised",
]


class Error(Exception):
    """Why a graph call failed."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        """What kind of failure it was, for the plugin to act on."""
        self.message = message
        """One sentence for a person: what was expected, what came, what to do."""

    def __str__(self) -> str:
        return f"{self.message} ({self.code.name.lower().replace('_', '-')})"


class StoreError(Exception):
    """Why a bucket, or a configuration value, could not be had, in one sentence for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        """`no-such-store`, `access-denied` or `other`."""


class Fault(Exception):
    """Why a plugin could not make anything of a frame. It concerns that frame alone.

    Raise one of those below, with one sentence for a person: what was expected, what came, what to
    do.
    """

    @property
    def message(self) -> str:
        """The sentence."""
        return str(self)


class InvalidFrame(Fault):
    """The frame is not what this plugin reads."""


class Inference(Fault):
    """An inference failed."""


class Internal(Fault):
    """Something else, the plugin's own."""


@contextmanager
def raised() -> Iterator[None]:
    """Turns the bindings' error, a resource of the host's, into an `Error`."""
    try:
        yield
    except Err as err:
        error: errors.Error = err.value
        with error:
            raise Error(error.code(), error.data()) from None

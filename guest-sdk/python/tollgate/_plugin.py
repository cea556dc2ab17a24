"""What a plugin is, what it is handed, what it hands back, and how it reaches the host."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types
from wit_world.imports.types import Frame

from ._ahead import import_ahead
from ._check import kind, octets, text
from ._error import Error, Fault, Inference, InvalidFrame, StoreError
from ._report import one_line, report, words

__all__ = ["Frame", "Output", "Plugin", "export"]


@dataclass(frozen=True)
class Output:
    """What a plugin hands back."""

    name: str
    """Which of the plugin's outputs this is; routes bind to it."""
    content_type: str
    """The media type of `data`."""
    data: bytes
    """The bytes."""

    @classmethod
    def json(cls, name: str, text: str) -> Output:
        """An output that is JSON text. The text is taken as it is and not checked."""
        return cls(name, "application/json", text.encode())


class Plugin(ABC):
    """A plugin: made once per instance, before its first frame, then handed one frame after the other.

    The value is the plugin's state. It lasts as long as its instance, and a host may use an instance
    for many frames or for a single one: keep in it what speeds things up or what may be forgotten,
    never what must last. If making it raises a `Fault`, that is the answer to the frame that was
    waiting, and the next frame tries again.
    """

    @abstractmethod
    def handle(self, frame: Frame) -> Sequence[Output]:
        """Handles one frame. An empty list says that there is nothing to report.

        Raises `Fault` where it can make nothing of the frame; the plugin stays in use.
        """


def export(plugin: type[Plugin]) -> type[exports.Handler]:
    """Makes a class the plugin: assign what this returns to `Handler` in the app's own module."""
    if not callable(plugin) or not callable(getattr(plugin, "handle", None)):
        raise TypeError(f"expected a class with a method `handle`, got {plugin!r}: derive it from tollgate.Plugin")
    if sys.platform == "wasi":
        import_ahead()

    class Handler(exports.Handler):
        _plugin: Plugin | None = None

        def handle(self, frame: Frame) -> list[types.Output]:
            cls = type(self)
            try:
                # Not when the component is built: there is no host then to ask for graphs.
                if cls._plugin is None:
                    cls._plugin = plugin()
                return _outputs(cls._plugin.handle(frame))
            # All of them, `SystemExit` as well: what leaves this function is a trap, and says nothing.
            except BaseException as raised:
                if not isinstance(raised, (Error, StoreError, Fault)):
                    # What a bug left behind is not to be trusted.
                    cls._plugin = None
                raise Err(_fault(raised)) from raised

    return Handler


def _outputs(returned: object) -> list[types.Output]:
    """What `handle` returned, as the bindings want it."""
    if not isinstance(returned, Sequence) or isinstance(returned, (str, bytes, bytearray, memoryview)):
        raise _WrongReturnError(f"expected a list of tollgate.Output from `handle`, got {kind(returned)}")
    try:
        return [_output(f"output {place}", one) for place, one in enumerate(returned)]
    except (TypeError, ValueError) as wrong:
        raise _WrongReturnError(f"`handle` returned a wrong output: {wrong}") from None


def _output(what: str, one: Any) -> types.Output:
    missing = [name for name in ("name", "content_type", "data") if not hasattr(one, name)]
    if missing:
        raise TypeError(f"{what}: expected tollgate.Output, got {kind(one)}")
    name = text(f"{what}, its name", one.name)
    what = f"{what} ({one_line(name)!r})"
    content_type = text(f"{what}, its content_type", one.content_type)
    return types.Output(name, content_type, octets(f"{what}, its data", one.data))


class _WrongReturnError(Exception):
    """What `handle` returned is no list of outputs."""


def _fault(raised: BaseException) -> types.Fault:
    """What the host is told."""
    match raised:
        case Error() | Inference():
            return types.Fault_Inference(words(raised))
        case InvalidFrame():
            return types.Fault_InvalidFrame(words(raised))
        case StoreError() | Fault():
            return types.Fault_Internal(words(raised))
        case _WrongReturnError():
            return types.Fault_Internal(str(raised))
        case _:
            return types.Fault_Internal(report(raised))

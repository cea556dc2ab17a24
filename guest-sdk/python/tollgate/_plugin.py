"""What a plugin is, what it is handed, what it hands back, and how it reaches the host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types
from wit_world.imports.types import Frame

from ._error import Error, Fault, Inference, InvalidFrame, StoreError

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

    class Handler(exports.Handler):
        _plugin: Plugin | None = None

        def handle(self, frame: Frame) -> list[types.Output]:
            cls = type(self)
            try:
                # Not when the component is built: there is no host then to ask for graphs.
                if cls._plugin is None:
                    cls._plugin = plugin()
                outputs = cls._plugin.handle(frame)
            except Error as error:
                raise Err(types.Fault_Inference(str(error))) from error
            except StoreError as error:
                raise Err(types.Fault_Internal(str(error))) from error
            except InvalidFrame as fault:
                raise Err(types.Fault_InvalidFrame(fault.message)) from fault
            except Inference as fault:
                raise Err(types.Fault_Inference(fault.message)) from fault
            except Fault as fault:
                raise Err(types.Fault_Internal(fault.message)) from fault
            except Exception as bug:
                # What it left behind is not to be trusted, and a trap would not say what it was.
                cls._plugin = None
                sentence = f"the plugin raised {bug!r}: mend it"
                raise Err(types.Fault_Internal(sentence)) from bug
            return [types.Output(one.name, one.content_type, one.data) for one in outputs]

    return Handler

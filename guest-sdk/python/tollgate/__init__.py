"""Write Tollgate plugins in Python: frames in, inferences on the host's graphs, outputs out.

A whole plugin::

    import tollgate

    class Classifier(tollgate.Plugin):
        def __init__(self) -> None:
            self.graph = tollgate.Graph.load("classifier")

        def handle(self, frame: tollgate.Frame) -> list[tollgate.Output]:
            pixels = tollgate.Input([1, 28, 28], tollgate.TensorType.U8, frame.data)
            scores, = self.graph.infer([pixels])
            return [tollgate.Output("scores", "", scores.data)]

    Handler = tollgate.export(Classifier)

A graph call that fails raises `Error`, and a frame that the plugin can make nothing of is a `Fault`
to raise; an `Error` that nobody caught becomes the fault `Inference`. Any other exception is a bug:
the fault `Internal` says what it was, and the plugin is made anew.

Configuration, the log and buckets (`config`, `log`, `Bucket`) are there where the component is built for a
world that has them, which the SDK's `build.py` sees to. `tollgate.testing` stands in for the host in a
plugin's own tests.

What is imported when the component is built runs then, once; only `handle` and what it calls runs in
the host. The standard library is there as far as the sandbox lets it be; compiled packages are not.
"""

import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

if sys.platform != "wasi" and "wit_world" not in sys.modules:
    # No sandbox: what a plugin's own tests run on.
    from . import _native  # noqa: F401

from ._error import Error, ErrorCode, Fault, Inference, Internal, InvalidFrame, StoreError
from ._graph import Context, Graph, Metadata, TensorInfo
from ._plugin import Frame, Output, Plugin, export
from ._tensor import Input, Tensor, TensorType

if TYPE_CHECKING:
    from ._config import config
    from ._keyvalue import Bucket, Keys
    from ._log import Level, log

__all__ = [
    "Bucket",
    "Context",
    "Error",
    "ErrorCode",
    "Fault",
    "Frame",
    "Graph",
    "Inference",
    "Input",
    "Internal",
    "InvalidFrame",
    "Keys",
    "Level",
    "Metadata",
    "Output",
    "Plugin",
    "StoreError",
    "Tensor",
    "TensorInfo",
    "TensorType",
    "config",
    "export",
    "log",
]

_SERVICES = {
    "Bucket": ("_keyvalue", "keyvalue"),
    "Keys": ("_keyvalue", "keyvalue"),
    "Level": ("_log", "logging"),
    "config": ("_config", "config"),
    "log": ("_log", "logging"),
}
"""In which module a name is, and in which world the interfaces that the module needs."""

for _name, (_module, _) in _SERVICES.items():
    # Now, since the host can import nothing more; a component that lacks an interface lacks its bindings.
    with suppress(ImportError):
        globals()[_name] = getattr(import_module(f".{_module}", __name__), _name)


def __getattr__(name: str) -> Any:
    if name not in _SERVICES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _, world = _SERVICES[name]
    raise ImportError(
        f"`tollgate.{name}` needs the world `{world}`, and the component was built for one without: build it "
        "with the SDK's build.py, which finds out what is used, or with `-w sdk`, which has all"
    )

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

What is imported when the component is built runs then, once; only `handle` and what it calls runs in
the host. The standard library is there as far as the sandbox lets it be; compiled packages are not.
"""

from ._error import Error, ErrorCode, Fault, Inference, Internal, InvalidFrame
from ._graph import Context, Graph, Metadata, TensorInfo
from ._plugin import Frame, Output, Plugin, export
from ._tensor import Input, Tensor, TensorType

__all__ = [
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
    "Metadata",
    "Output",
    "Plugin",
    "Tensor",
    "TensorInfo",
    "TensorType",
    "export",
]

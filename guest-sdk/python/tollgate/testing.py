"""For a plugin's own tests, with Python's own test runner: a host that a test makes up.

Graphs are answered by functions, configuration and buckets are dictionaries, and log lines are kept::

    from tollgate import Tensor, TensorType, testing

    def answer(inputs):
        return [Tensor([1, 2], TensorType.U8, bytes([7, 9]))]

    with testing.Host(graphs={"digits": answer}, config={"least": "0.5"}, buckets={"seen": {}}) as host:
        plugin = MyPlugin()
        outputs = plugin.handle(testing.frame(b"..."))
    assert host.buckets["seen"]["count"] == b"1"
    assert host.log[0].message == "..."

No model runs here, and no limit of the real host's holds. What the plugin raises reaches the test as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from . import _native
from ._error import Error, ErrorCode
from ._graph import Metadata
from ._log import Level
from ._plugin import Frame
from ._tensor import Input, Tensor

__all__ = ["Host", "Line", "frame"]

Answer = Callable[[list[Input]], "Sequence[Tensor] | Mapping[str, Tensor]"]
"""One inference: from the inputs to all outputs, in the model's order; with their names for `Context.compute`.

An `Error` that it raises is the graph call's."""


@dataclass(frozen=True)
class Line:
    """A line that the plugin logged."""

    level: Level
    context: str
    message: str


@dataclass
class Host:
    """Stands in for the host in a `with` statement. What is not listed here is not granted."""

    graphs: Mapping[str, Answer] = field(default_factory=dict)
    """What answers for each graph, by its name."""
    metadata: Mapping[str, Metadata] = field(default_factory=dict)
    """What `Graph.describe` says, by the graph's name."""
    config: Mapping[str, str] = field(default_factory=dict)
    """Configuration values."""
    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Keys and values of each bucket; afterwards, what the plugin left in them."""
    log: list[Line] = field(default_factory=list)
    """Afterwards, the lines that the plugin logged."""

    def __enter__(self) -> Host:
        _native.hosts.append(_Answering(self))
        return self

    def __exit__(self, *_: object) -> None:
        _native.hosts.pop()


def frame(
    data: bytes,
    *,
    content_type: str = "",
    source: str = "test",
    sequence: int = 0,
    acquired_ns: int = 0,
) -> Frame:
    """A frame of these bytes."""
    return Frame(sequence, source, content_type, acquired_ns, data)


class _Answering:
    """Answers the bindings' stand-ins with what a test offers."""

    def __init__(self, offered: Host) -> None:
        self._offered = offered

    def load(self, name: str) -> None:
        if name not in self._offered.graphs:
            listed = ", ".join(f"`{one}`" for one in self._offered.graphs) or "none"
            raise _refusal(ErrorCode.NOT_FOUND, f"there is no graph `{name}`; this test has {listed}")

    def describe(self, graph: str) -> _native.Metadata:
        said = self._offered.metadata.get(graph)
        if said is None:
            raise RuntimeError(f"this test does not say what graph `{graph}` looks like: give its `metadata`")
        infos = [
            [_native.TensorInfo(one.name, one.ty, list(one.dimensions)) for one in tensors]
            for tensors in (said.inputs, said.outputs)
        ]
        return _native.Metadata(infos[0], infos[1], said.device)

    def infer(self, graph: str, inputs: list[_native.Input]) -> list[tuple[str, _native.Output]]:
        handed = [Input(one.dimensions, one.ty, one.data, one.name) for one in inputs]
        try:
            outputs = self._offered.graphs[graph](handed)
        except Error as error:
            raise _refusal(error.code, error.message) from None
        named = outputs.items() if isinstance(outputs, Mapping) else enumerate(outputs)
        return [
            (str(name), _native.Output(list(one.dimensions), one.ty, bytes(one.data))) for name, one in named
        ]

    def config(self, key: str) -> str | None:
        return self._offered.config.get(key)

    def log(self, level: Level, context: str, message: str) -> None:
        self._offered.log.append(Line(level, context, message))

    def bucket(self, name: str) -> dict[str, bytes]:
        if name not in self._offered.buckets:
            raise _native.Err(_native.ErrorNoSuchStore())
        return self._offered.buckets[name]


def _refusal(code: ErrorCode, message: str) -> _native.Err:
    return _native.Err(_native.NnError(code, message))

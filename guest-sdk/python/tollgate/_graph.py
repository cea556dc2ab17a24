"""Graphs: the models that the host has loaded, and inferences on them.

A graph is a handle; the model lives in the host and may be shared with other plugins. Every call
here is at least one crossing of the sandbox's boundary.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from wit_world.imports import graph, tollgate_nn_inference, wasi_nn_inference
from wit_world.imports.tensor import Tensor as Resource
from wit_world.imports.tensor import TensorType

from ._check import text
from ._error import raised
from ._tensor import Input, Tensor, checked


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a graph."""

    name: str
    """Its name in the model."""
    ty: TensorType
    """The type of one element."""
    dimensions: Sequence[int | None]
    """Outermost first; `None` for a dimension that may differ from call to call."""


@dataclass(frozen=True)
class Metadata:
    """What a graph is."""

    inputs: Sequence[TensorInfo]
    """The inputs, in the model's order."""
    outputs: Sequence[TensorInfo]
    """The outputs, in the model's order."""
    device: str
    """Where the graph really runs: `cpu`, `cuda`, ..."""


class Graph:
    """A model that the host has loaded, by the name it gave it."""

    def __init__(self, resource: graph.Graph) -> None:
        self._resource = resource

    @classmethod
    def load(cls, name: str) -> Graph:
        """Looks a graph up. Do it once, when the plugin is made.

        Raises `Error`: `NOT_FOUND` where the host has no graph of that name, `SECURITY` where the
        plugin was not granted it.
        """
        name = text("the graph's name", name)
        with raised():
            return cls(graph.load_by_name(name))

    def describe(self) -> Metadata:
        """Names, types and dimensions of the graph's inputs and outputs, and its device."""
        found = tollgate_nn_inference.describe(self._resource)
        return Metadata(_infos(found.inputs), _infos(found.outputs), found.device)

    def infer(self, inputs: Sequence[Input]) -> list[Tensor]:
        """Runs one inference in one crossing.

        Returns all outputs, in the order of `Metadata.outputs`. Raises `Error`: `INVALID_ARGUMENT`
        for a wrong rank, dimension, type, byte count or number of inputs, `NOT_FOUND` for an unknown
        name, `TOO_LARGE` over a limit, `TIMEOUT` past the deadline, `RUNTIME_ERROR` where the model
        itself failed. Raises `TypeError` or `ValueError` for what is no `Input` at all.
        """
        handed = [tollgate_nn_inference.Input(*one) for one in checked(inputs)]
        with raised():
            outputs = tollgate_nn_inference.infer(self._resource, handed)
        return [Tensor(one.dimensions, one.ty, one.data) for one in outputs]

    def context(self) -> Context:
        """An execution context of the standard wasi-nn.

        For a plugin that must also run on a host without `tollgate:nn`. It takes more crossings and
        copies than `infer`. Raises `Error`, such as `TOO_LARGE` where the plugin holds too many.
        """
        with raised():
            return Context(self._resource.init_execution_context())


class Context:
    """An execution context of the standard wasi-nn."""

    def __init__(self, resource: wasi_nn_inference.GraphExecutionContext) -> None:
        self._resource = resource

    def compute(self, inputs: Sequence[Input]) -> dict[str, Tensor]:
        """Runs one inference and returns all outputs under their names.

        An input without a name counts by its place. Raises `Error` as `Graph.infer` does.
        """
        named = [
            (str(place) if name is None else name, Resource(dimensions, ty, data))
            for place, (name, dimensions, ty, data) in enumerate(checked(inputs))
        ]
        with raised():
            outputs = self._resource.compute(named)
        # The host's tensors are dropped here, not when Python gets round to it.
        with ExitStack() as stack:
            return {name: _copied(stack.enter_context(one)) for name, one in outputs}


def _copied(tensor: Resource) -> Tensor:
    return Tensor(tensor.dimensions(), tensor.ty(), tensor.data())


def _infos(infos: list[tollgate_nn_inference.TensorInfo]) -> list[TensorInfo]:
    return [TensorInfo(info.name, info.ty, info.dimensions) for info in infos]

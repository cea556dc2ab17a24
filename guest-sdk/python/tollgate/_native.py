"""What stands in for the sandbox's bindings where there is no sandbox: modules of the same names and types.

They pass each call on to the host that a test has entered (`tollgate.testing`), so that all of the SDK above
them runs in a test as it does in the sandbox. Importing this puts them in place; in a component it is never
imported.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Any, Protocol


class Host(Protocol):
    """What a test offers in the host's place. What it refuses it raises as an `Err`."""

    def load(self, name: str) -> None: ...

    def describe(self, graph: str) -> Metadata: ...

    def infer(self, graph: str, inputs: list[Input]) -> list[tuple[str, Output]]: ...

    def config(self, key: str) -> str | None: ...

    def log(self, level: Level, context: str, message: str) -> None: ...

    def bucket(self, name: str) -> dict[str, bytes]: ...


hosts: list[Host] = []
"""The hosts that were entered, the innermost last."""


def host() -> Host:
    """The one that answers."""
    if not hosts:
        raise RuntimeError(
            "there is no host here: put what calls it into `with tollgate.testing.Host(...):`"
        )
    return hosts[-1]


class Err(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


class _Resource:
    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class TensorType(Enum):
    FP16 = 0
    FP32 = 1
    FP64 = 2
    BF16 = 3
    U8 = 4
    I32 = 5
    I64 = 6


class ErrorCode(Enum):
    INVALID_ARGUMENT = 0
    INVALID_ENCODING = 1
    TIMEOUT = 2
    RUNTIME_ERROR = 3
    UNSUPPORTED_OPERATION = 4
    TOO_LARGE = 5
    NOT_FOUND = 6
    SECURITY = 7
    UNKNOWN = 8


class Level(Enum):
    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    CRITICAL = 5


class NnError(_Resource):
    def __init__(self, code: ErrorCode, data: str) -> None:
        self._code, self._data = code, data

    def code(self) -> ErrorCode:
        return self._code

    def data(self) -> str:
        return self._data


class Tensor(_Resource):
    def __init__(self, dimensions: list[int], ty: TensorType, data: bytes) -> None:
        self._dimensions, self._ty, self._data = dimensions, ty, data

    def dimensions(self) -> list[int]:
        return self._dimensions

    def ty(self) -> TensorType:
        return self._ty

    def data(self) -> bytes:
        return self._data


@dataclass
class Input:
    name: str | None
    dimensions: list[int]
    ty: TensorType
    data: bytes


@dataclass
class Output:
    dimensions: list[int]
    ty: TensorType
    data: bytes


@dataclass
class TensorInfo:
    name: str
    ty: TensorType
    dimensions: list[int | None]


@dataclass
class Metadata:
    inputs: list[TensorInfo]
    outputs: list[TensorInfo]
    device: str


class Context(_Resource):
    def __init__(self, graph: str) -> None:
        self._graph = graph

    def compute(self, inputs: list[tuple[str, Tensor]]) -> list[tuple[str, Tensor]]:
        # A number for a name is an input's place, as everywhere.
        handed = [
            Input(None if name == str(place) else name, one.dimensions(), one.ty(), one.data())
            for place, (name, one) in enumerate(inputs)
        ]
        outputs = host().infer(self._graph, handed)
        return [(name, Tensor(one.dimensions, one.ty, one.data)) for name, one in outputs]


class Graph(_Resource):
    def __init__(self, name: str) -> None:
        self.name = name

    def init_execution_context(self) -> Context:
        return Context(self.name)


def load_by_name(name: str) -> Graph:
    host().load(name)
    return Graph(name)


def describe(graph: Graph) -> Metadata:
    return host().describe(graph.name)


def infer(graph: Graph, inputs: list[Input]) -> list[Output]:
    return [output for _, output in host().infer(graph.name, inputs)]


@dataclass
class ErrorNoSuchStore:
    pass


@dataclass
class ErrorAccessDenied:
    pass


@dataclass
class ErrorOther:
    value: str


@dataclass
class KeyResponse:
    keys: list[str]
    cursor: int | None


class Bucket(_Resource):
    def __init__(self, values: dict[str, bytes]) -> None:
        self.values = values

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def set(self, key: str, value: bytes) -> None:
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)

    def exists(self, key: str) -> bool:
        return key in self.values

    def list_keys(self, cursor: int | None) -> KeyResponse:
        keys = sorted(self.values)
        start = cursor or 0
        end = start + _PAGE
        return KeyResponse(keys[start:end], end if end < len(keys) else None)


_PAGE = 100
"""Keys on a page: so few that a test with many sees a cursor."""


def open_bucket(name: str) -> Bucket:
    return Bucket(host().bucket(name))


def increment(bucket: Bucket, key: str, delta: int) -> int:
    text = bucket.values.get(key, b"0")
    if not text.isdigit():
        raise Err(ErrorOther(f"`{key}` holds no decimal number: increment another key, or set this one first"))
    total = int(text) + delta
    if total >= 2**64:
        raise Err(ErrorOther(f"`{key}` would go beyond 64 bits: set it back first"))
    bucket.values[key] = str(total).encode()
    return total


@dataclass
class Frame:
    sequence: int
    source: str
    content_type: str
    acquired_ns: int
    data: bytes


@dataclass
class FrameOutput:
    name: str
    content_type: str
    data: bytes


@dataclass
class FaultInvalidFrame:
    value: str


@dataclass
class FaultInference:
    value: str


@dataclass
class FaultInternal:
    value: str


class Handler:
    pass


def _module(name: str, **names: Any) -> None:
    module = ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def _imports(**modules: dict[str, Any]) -> None:
    for name, names in modules.items():
        _module(f"wit_world.imports.{name}", **names)


def _config(key: str) -> str | None:
    return host().config(key)


def _log(level: Level, context: str, message: str) -> None:
    host().log(level, context, message)


_fault = FaultInvalidFrame | FaultInference | FaultInternal

_module("componentize_py_types", Err=Err)
_module("wit_world", __path__=[])
_module("wit_world.exports", Handler=Handler)
_module("wit_world.imports", __path__=[])
_imports(
    errors={"Error": NnError, "ErrorCode": ErrorCode},
    tensor={"Tensor": Tensor, "TensorType": TensorType},
    graph={"Graph": Graph, "load_by_name": load_by_name},
    wasi_nn_inference={"GraphExecutionContext": Context},
    tollgate_nn_inference={
        "Input": Input,
        "Output": Output,
        "TensorInfo": TensorInfo,
        "Metadata": Metadata,
        "describe": describe,
        "infer": infer,
    },
    types={
        "Frame": Frame,
        "Output": FrameOutput,
        "Fault": _fault,
        "Fault_InvalidFrame": FaultInvalidFrame,
        "Fault_Inference": FaultInference,
        "Fault_Internal": FaultInternal,
    },
    logging={"Level": Level, "log": _log},
    wasi_config_store={"get": _config},
    wasi_keyvalue_store={
        "Bucket": Bucket,
        "open": open_bucket,
        "Error_NoSuchStore": ErrorNoSuchStore,
        "Error_AccessDenied": ErrorAccessDenied,
        "Error_Other": ErrorOther,
    },
    atomics={"increment": increment},
)

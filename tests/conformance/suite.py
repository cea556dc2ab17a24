"""The cases of the ONNX project's own suite, from the package `onnx`: models with their inputs.

What the suite says of the outputs is left aside: another operator set or processor may round
otherwise, and the question here is whether the sandbox gives what ONNX Runtime gives. Some models
come without inputs; those are drawn, the same ones each time.
"""

import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test import loader

from tensors import Tensor

# `node` is made in memory, the others lie in the package.
KINDS = ["simple", "pytorch-operator", "pytorch-converted"]


@dataclass(frozen=True)
class Case:
    kind: str
    name: str
    model: bytes
    inputs: list[Tensor]

    def title(self):
        return f"{self.kind}/{self.name}"


def all_cases():
    """All of them, in one order."""
    cases = [*node_cases(), *light_cases()]
    for kind in KINDS:
        cases.extend(stored_cases(kind))
    return sorted(cases, key=Case.title)


def node_cases():
    with warnings.catch_warnings():
        # What NumPy says of the suite's own arithmetic.
        warnings.simplefilter("ignore")
        nodes = loader.load_model_tests(kind="node")
    for node in nodes:
        names = [value.name for value in node.model.graph.input]
        for index, (values, _) in enumerate(node.data_sets):
            inputs = [tensor(name, value) for name, value in zip(names, values)]
            name = node.name if index == 0 else f"{node.name}-{index}"
            yield Case("node", name, node.model.SerializeToString(), inputs)


def tensor(name, value):
    """A value of the suite; what is no tensor only has its name."""
    if isinstance(value, TensorProto):
        return stored(name, value)
    if value is None or isinstance(value, (list, dict)):
        return Tensor(name, None)
    array = np.asarray(value)
    element = helper.np_dtype_to_tensor_dtype(array.dtype)
    data = b"" if element == TensorProto.STRING else array.tobytes()
    return Tensor(name, element, array.shape, data)


def stored(name, value):
    array = numpy_helper.to_array(value)
    data = b"" if value.data_type == TensorProto.STRING else array.tobytes()
    return Tensor(name, value.data_type, tuple(value.dims), data)


def stored_cases(kind):
    for folder in sorted((data_folder() / kind).iterdir()):
        if not folder.is_dir():
            continue
        model = (folder / "model.onnx").read_bytes()
        names = [value.name for value in onnx.load_model_from_string(model).graph.input]
        for index, values in enumerate(sorted(folder.glob("test_data_set_*"))):
            files = [values / f"input_{place}.pb" for place in range(len(names))]
            inputs = [
                read_tensor(name, file) for name, file in zip(names, files) if file.exists()
            ]
            name = folder.name if index == 0 else f"{folder.name}-{index}"
            yield Case(kind, name, model, inputs)


def read_tensor(name, file):
    model_type = TensorProto()
    try:
        model_type.ParseFromString(file.read_bytes())
    except Exception:  # A sequence, a map or an optional: another message.
        return Tensor(name, None)
    if model_type.data_type == TensorProto.UNDEFINED:
        return Tensor(name, None)
    return stored(name, model_type)


def light_cases():
    """Whole networks whose weights are made when they load."""
    for file in sorted((data_folder() / "light").glob("*.onnx")):
        model = onnx.load(file)
        given = {value.name for value in model.graph.initializer}
        values = [value for value in model.graph.input if value.name not in given]
        inputs = [drawn(value, file.stem) for value in values]
        yield Case("light", file.stem, model.SerializeToString(), inputs)


def drawn(value, seed):
    of = value.type.tensor_type
    shape = tuple(dimension.dim_value or 1 for dimension in of.shape.dim)
    return random_tensor(value.name, of.elem_type, shape, f"{seed}/{value.name}")


def random_tensor(name, element, shape, seed, below=100):
    """Drawn from the text `seed`: floats of a standard normal distribution, whole numbers below a
    bound."""
    generator = np.random.default_rng(zlib.crc32(seed.encode()))
    dtype = helper.tensor_dtype_to_np_dtype(element)
    if np.issubdtype(dtype, np.integer):
        array = generator.integers(0, below, shape)
    else:
        array = generator.standard_normal(shape)
    return Tensor(name, element, shape, np.asarray(array).astype(dtype).tobytes())


def data_folder():
    return Path(onnx.__file__).parent / "backend" / "test" / "data"

"""What ONNX Runtime gives in Python, to the byte: the measure of all other ways to it.

Sessions are set up as the host sets up its own in throughput mode. A case runs in two sessions,
from two seeds; an output that they do not agree on is random, and known by its type and dimensions
alone.
"""

import ctypes

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

from tensors import Tensor

ELEMENTS = {
    "float16": TensorProto.FLOAT16,
    "float": TensorProto.FLOAT,
    "double": TensorProto.DOUBLE,
    "bfloat16": TensorProto.BFLOAT16,
}


class Refused(Exception):
    """ONNX Runtime does not load the model, or does not run it with these inputs."""


def version():
    return ort.__version__


def names_and_types(model):
    """The graph's inputs and outputs without elements."""
    session = load(model)
    shape = lambda value: Tensor(value.name, element(value.type))  # noqa: E731
    return [shape(value) for value in session.get_inputs()], [
        shape(value) for value in session.get_outputs()
    ]


def run(model, inputs):
    """All outputs, and whether each came out twice the same."""
    runs = []
    for seed in (1, 2):
        ort.set_seed(seed)
        runs.append(once(load(model), inputs))
    first, second = runs
    return first, [one == other for one, other in zip(first, second)]


def load(model):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Refused(str(error)) from error


def once(session, inputs):
    values = {tensor.name: value(tensor) for tensor in inputs}
    names = [output.name for output in session.get_outputs()]
    try:
        outputs = session.run_with_ort_values(names, values)
    except Exception as error:
        raise Refused(str(error)) from error
    return [tensor(name, output) for name, output in zip(names, outputs)]


def value(tensor):
    if tensor.element == TensorProto.BFLOAT16:
        # NumPy has no such type of its own; the bits are enough.
        array = np.frombuffer(tensor.data, np.uint16).reshape(tensor.dimensions)
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(array, tensor.element)
    dtype = helper.tensor_dtype_to_np_dtype(tensor.element)
    array = np.frombuffer(tensor.data, dtype).reshape(tensor.dimensions)
    return ort.OrtValue.ortvalue_from_numpy(array)


def tensor(name, output):
    if output is None or not output.has_value() or not output.is_tensor():
        return Tensor(name, None)
    kind = element(output.data_type())
    if kind == TensorProto.STRING:
        return Tensor(name, kind, tuple(output.shape()))
    # The memory itself: NumPy could not hold every type.
    data = ctypes.string_at(output.data_ptr(), output.tensor_size_in_bytes())
    return Tensor(name, kind, tuple(output.shape()), data)


def element(text):
    """`tensor(float)` as ONNX's number."""
    if not text.startswith("tensor("):
        return None
    word = text.removeprefix("tensor(").removesuffix(")")
    return ELEMENTS.get(word) or TensorProto.DataType.Value(word.upper())

"""Writes the small models that are awkward on purpose.

    python cases.py FOLDER

`slow.onnx`: seconds on any core, in a few kilobytes: 120 products of 1024 x 1024 matrices, one
after the other, so that there are many moments at which it can be told to stop. Input `x` and
output `y`, f32 [1]; y is x, give or take rounding.

`slow-digits.onnx`: as slow, with the input and the output of the meter reader's model: `digits` f32
[batch,1,16,16], `scores` f32 [batch,10].

`nonzero.onnx`: an output whose shape depends on the values. Input `x` f32 [n], output `indices`
i64 [1,m].

`unknown-op.onnx`: an operator that no ONNX Runtime has. Input `x`, output `y`, f32 [1].

`external.onnx` and `external.bin`: a weight kept in a second file beside the model, which a model
handed over as bytes has no way to bring along. Input `x`, output `y`, f32 [4]; y = x + weight, and
the weight is 1, 2, 3, 4.
"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from writing import write

SIDE, PRODUCTS = 1024, 120


def tensor(name, shape, element=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, element, shape)


def products():
    # Every product keeps what it is given: a matrix of equal values times one of 1 / SIDE. That one
    # is made from the input, since ONNX Runtime would repack a constant for every product at load.
    nodes = [
        helper.make_node("Expand", ["x", "shape"], ["p0"]),
        helper.make_node("Softmax", ["p0"], ["w"]),
    ]
    for i in range(PRODUCTS):
        nodes.append(helper.make_node("MatMul", [f"p{i}", "w"], [f"p{i + 1}"]))
    nodes.append(helper.make_node("ReduceMean", [f"p{PRODUCTS}"], ["mean"], keepdims=0))
    nodes.append(helper.make_node("Reshape", ["mean", "one"], ["y"]))
    constants = [
        numpy_helper.from_array(np.array([SIDE, SIDE], np.int64), "shape"),
        numpy_helper.from_array(np.array([1], np.int64), "one"),
    ]
    return nodes, constants


def slow():
    nodes, constants = products()
    return helper.make_graph(
        nodes, "slow", [tensor("x", [1])], [tensor("y", [1])], constants
    )


def slow_digits():
    nodes, constants = products()
    before = [
        helper.make_node("ReduceMean", ["digits"], ["grey"], keepdims=0),
        helper.make_node("Reshape", ["grey", "one"], ["x"]),
        helper.make_node("Shape", ["digits"], ["batch"], end=1),
        helper.make_node("Concat", ["batch", "ten"], ["all"], axis=0),
    ]
    after = [helper.make_node("Expand", ["y", "all"], ["scores"])]
    ten = numpy_helper.from_array(np.array([10], np.int64), "ten")
    return helper.make_graph(
        before + nodes + after,
        "slow_digits",
        [tensor("digits", ["batch", 1, 16, 16])],
        [tensor("scores", ["batch", 10])],
        constants + [ten],
    )


def nonzero():
    return helper.make_graph(
        [helper.make_node("NonZero", ["x"], ["indices"])],
        "nonzero",
        [tensor("x", ["n"])],
        [tensor("indices", [1, "m"], TensorProto.INT64)],
    )


def unknown_operator():
    return helper.make_graph(
        [helper.make_node("Teleport", ["x"], ["y"])],
        "unknown_operator",
        [tensor("x", [1])],
        [tensor("y", [1])],
    )


def external(folder):
    values = np.array([1, 2, 3, 4], np.float32)
    (folder / "external.bin").write_bytes(values.tobytes())
    weight = TensorProto(name="weight", data_type=TensorProto.FLOAT, dims=[4])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in [("location", "external.bin"), ("offset", "0"), ("length", "16")]:
        weight.external_data.add(key=key, value=value)
    return helper.make_graph(
        [helper.make_node("Add", ["x", "weight"], ["y"])],
        "external",
        [tensor("x", [4])],
        [tensor("y", [4])],
        [weight],
    )


def main(folder):
    folder = Path(folder)
    write(slow(), folder / "slow.onnx")
    write(slow_digits(), folder / "slow-digits.onnx")
    write(nonzero(), folder / "nonzero.onnx")
    write(unknown_operator(), folder / "unknown-op.onnx", valid=False)
    # The checker looks for the second file from where it is run.
    write(external(folder), folder / "external.onnx", valid=False)


if __name__ == "__main__":
    main(sys.argv[1])

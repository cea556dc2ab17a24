"""Writes the small models that the tests merge into batches, or must not.

    python rows.py FOLDER

`rows-<name>.onnx` for each type that wasi-nn names: input `x` and output `y`, both [n,3] of that
type, y = x + x; whoever gets another one's rows is found out.

`open.onnx`: a second dimension that is open as well. Input `x` f32 [n,m]; outputs `twice` f32 [n,m]
and `sum` f32 [n].

`lookup.onnx`: a model that fails for some values. Input `index` i64 [n], below 8; output `y` f32
[n,2], the row of that number in a table of 0, 1, 2, …; any other index fails the whole run.

`mixes-softmax.onnx` and `mixes-mean.onnx`: rows that depend on each other, by a softmax along the
rows and by what is left of each after the mean of all. Input `x` and output `y`, f32 [n,3].

`one-row.onnx`: rows go in, one row comes out. Input `x` f32 [?,3], output `y` f32 [?,3],
neither dimension with a name.
"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from element_types import TYPES
from writing import write

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def tensor(name, shape, element=FLOAT):
    return helper.make_tensor_value_info(name, element, shape)


def doubled(name, element, through):
    if through is None:
        nodes = [helper.make_node("Add", ["x", "x"], ["y"])]
    else:
        nodes = [
            helper.make_node("Cast", ["x"], ["wide"], to=through),
            helper.make_node("Add", ["wide", "wide"], ["twice"]),
            helper.make_node("Cast", ["twice"], ["y"], to=element),
        ]
    shape = ["n", 3]
    return helper.make_graph(
        nodes, f"rows_{name}", [tensor("x", shape, element)], [tensor("y", shape, element)]
    )


def open_dimension():
    return helper.make_graph(
        [
            helper.make_node("Add", ["x", "x"], ["twice"]),
            helper.make_node("ReduceSum", ["x", "columns"], ["sum"], keepdims=0),
        ],
        "open",
        [tensor("x", ["n", "m"])],
        [tensor("twice", ["n", "m"]), tensor("sum", ["n"])],
        [numpy_helper.from_array(np.array([1], np.int64), "columns")],
    )


def lookup():
    table = np.arange(16, dtype=np.float32).reshape(8, 2)
    return helper.make_graph(
        [helper.make_node("Gather", ["table", "index"], ["y"], axis=0)],
        "lookup",
        [tensor("index", ["n"], INT64)],
        [tensor("y", ["n", 2])],
        [numpy_helper.from_array(table, "table")],
    )


def softmax_of_rows():
    return helper.make_graph(
        [helper.make_node("Softmax", ["x"], ["y"], axis=0)],
        "mixes_softmax",
        [tensor("x", ["n", 3])],
        [tensor("y", ["n", 3])],
    )


def less_the_mean():
    return helper.make_graph(
        [
            helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Sub", ["x", "mean"], ["y"]),
        ],
        "mixes_mean",
        [tensor("x", ["n", 3])],
        [tensor("y", ["n", 3])],
    )


def one_row():
    # The name of the output's first dimension is left out: a model need not give any.
    return helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], axes=[0], keepdims=1)],
        "one_row",
        [tensor("x", [None, 3])],
        [tensor("y", [None, 3])],
    )


def main(folder):
    folder = Path(folder)
    for name, element, through in TYPES:
        write(doubled(name, element, through), folder / f"rows-{name}.onnx")
    write(open_dimension(), folder / "open.onnx")
    write(lookup(), folder / "lookup.onnx")
    write(softmax_of_rows(), folder / "mixes-softmax.onnx")
    write(less_the_mean(), folder / "mixes-mean.onnx")
    # The checker would infer that there is one row; ONNX Runtime does as well, and may say so.
    write(one_row(), folder / "one-row.onnx", valid=False)


if __name__ == "__main__":
    main(sys.argv[1])

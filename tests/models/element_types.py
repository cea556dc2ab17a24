"""Writes the small models that the tests put tensors of every element type through.

    python element_types.py FOLDER

`type-<name>.onnx` for each type that wasi-nn names: input `x` and output `y`, both [2,3] of that
type, y = x + x; so a host that hands an input back, or reads it as another type, is found out.

`pair.onnx`: two inputs, two outputs, two types, a dynamic first dimension everywhere. Inputs `a`
f32 [n,4] and `b` i64 [n]; outputs `sum` f32 [n], a row's sum plus its `b`, and `count` i64 [n],
`b` plus four.

`strings.onnx`: a type that wasi-nn does not name; input `x` and output `y`, strings [1].

(Not called `types.py`: the folder stands first on Python's path and would hide the library's.)
"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from writing import write

# Our name, ONNX's type, and the type that the CPU adds in where it cannot add in that one.
TYPES = [
    ("fp16", TensorProto.FLOAT16, TensorProto.FLOAT),
    ("fp32", TensorProto.FLOAT, None),
    ("fp64", TensorProto.DOUBLE, None),
    ("bf16", TensorProto.BFLOAT16, TensorProto.FLOAT),
    ("u8", TensorProto.UINT8, TensorProto.INT32),
    ("i32", TensorProto.INT32, None),
    ("i64", TensorProto.INT64, None),
]


def doubled(name, element, through):
    if through is None:
        nodes = [helper.make_node("Add", ["x", "x"], ["y"])]
    else:
        nodes = [
            helper.make_node("Cast", ["x"], ["wide"], to=through),
            helper.make_node("Add", ["wide", "wide"], ["twice"]),
            helper.make_node("Cast", ["twice"], ["y"], to=element),
        ]
    return helper.make_graph(
        nodes,
        f"type_{name}",
        [helper.make_tensor_value_info("x", element, [2, 3])],
        [helper.make_tensor_value_info("y", element, [2, 3])],
    )


def pair():
    nodes = [
        helper.make_node("ReduceSum", ["a", "columns"], ["rows"], keepdims=0),
        helper.make_node("Cast", ["b"], ["b_float"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["rows", "b_float"], ["sum"]),
        helper.make_node("Add", ["b", "four"], ["count"]),
    ]
    return helper.make_graph(
        nodes,
        "pair",
        [
            helper.make_tensor_value_info("a", TensorProto.FLOAT, ["n", 4]),
            helper.make_tensor_value_info("b", TensorProto.INT64, ["n"]),
        ],
        [
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("count", TensorProto.INT64, ["n"]),
        ],
        [
            numpy_helper.from_array(np.array([1], np.int64), "columns"),
            numpy_helper.from_array(np.array([4], np.int64), "four"),
        ],
    )


def strings():
    return helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "strings",
        [helper.make_tensor_value_info("x", TensorProto.STRING, [1])],
        [helper.make_tensor_value_info("y", TensorProto.STRING, [1])],
    )


def main(folder):
    folder = Path(folder)
    for name, element, through in TYPES:
        write(doubled(name, element, through), folder / f"type-{name}.onnx")
    write(pair(), folder / "pair.onnx")
    write(strings(), folder / "strings.onnx")


if __name__ == "__main__":
    main(sys.argv[1])

"""Writes the small models whose outputs are not simply what one node writes, and whose inputs and
outputs are not all tensors that a caller must bring.

    python aliases.py FOLDER

Input `x` is f32 [n,2] or, where it says fixed, f32 [1,2]. What memory each output has is ONNX Runtime's
choice; what is in it is the model's.

`alias-twice.onnx` (fixed): output `y` = relu(x), named twice.

`alias-constant.onnx` (fixed): outputs `y` = relu(x), `w` = 5 6, an initialiser, and `c` = 7 8, a constant.

`alias-chain.onnx`: outputs `y` = relu(x), `same` = x through three Identities, `flat` i.e. x reshaped to
[-1], and `x` itself.

`alias-branch.onnx`: output `y`: x itself where the first element is above zero, else an initialiser 5 6,
both through an Identity in a branch.

`alias-loop.onnx` (fixed): output `y`: x after two turns of a loop that hands it on unchanged.

`alias-boxed.onnx` (fixed): outputs `y` = x, wrapped as optional and unwrapped, and `z` = x, the second
element of a sequence of it.

`alias-empty.onnx`: outputs `x` itself and `y` = relu(x); made to be run with n = 0 too.

`unwritten.onnx` (fixed): output `y`, i32 [1,2] = 0 0, a product of matrices [1,0] and [0,2]; ONNX Runtime
1.32 does not write it.

`body-kept.onnx` (fixed): outputs `y` = x, a Scan's state, and `z` = x, its items, both through an Identity in
the body; `f` and `g` = relu(x), through an Identity each in a branch.

`body-input.onnx`, `body-twice.onnx` (fixed): the same, but the Scan's body gives its items back without an
Identity, and the branches give one value twice.

`optional-rows.onnx`: inputs `x` f32 [n,2] and `scale`, a scalar that is 3 unless it is given; y = x * scale.

`optional-output.onnx` (fixed): inputs `x` and `w` = 5 6 unless it is given; outputs `y` = x + w and `w`.

`mixed-outputs.onnx` (fixed): outputs `positive`, bool, and `y` = relu(x).

`optional-mask.onnx` (fixed): inputs `x` and `mask`, bool, true unless it is given; y = x where it is true.
"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from writing import write

FIXED, OPEN = [1, 2], ["n", 2]


def tensor(name, shape=None, element=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, element, shape)


def values(name, array, element=np.float32):
    return numpy_helper.from_array(np.array(array, element), name)


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs, outputs, **attributes)


def relu(shape, outputs, nodes=(), inputs=(), initialisers=(), name="alias"):
    """A graph with `y` = relu(x) among its outputs."""
    return helper.make_graph(
        [node("Relu", ["x"], ["y"]), *nodes],
        name,
        [tensor("x", shape), *inputs],
        outputs,
        list(initialisers),
    )


def twice():
    return relu(FIXED, [tensor("y", FIXED), tensor("y", FIXED)])


def constant():
    return relu(
        FIXED,
        [tensor("y", FIXED), tensor("w", FIXED), tensor("c", FIXED)],
        [node("Constant", [], ["c"], value=values("value", [[7, 8]]))],
        [],
        [values("w", [[5, 6]])],
    )


def chain():
    return relu(
        OPEN,
        [tensor("y", OPEN), tensor("same", OPEN), tensor("flat", ["m"]), tensor("x", OPEN)],
        [
            node("Identity", ["x"], ["i"]),
            node("Identity", ["i"], ["j"]),
            node("Identity", ["j"], ["same"]),
            node("Reshape", ["x", "all"], ["flat"]),
        ],
        [],
        [values("all", [-1], np.int64)],
    )


def branch():
    def outer(name, source):
        result = f"{name}_result"
        return helper.make_graph(
            [node("Identity", [source], [result])], name, [], [tensor(result, FIXED)]
        )

    return helper.make_graph(
        [
            node("Gather", ["x", "first"], ["row"], axis=0),
            node("Gather", ["row", "first"], ["element"], axis=0),
            node("Greater", ["element", "zero"], ["above"]),
            node(
                "If",
                ["above"],
                ["y"],
                then_branch=outer("then", "x"),
                else_branch=outer("else", "w"),
            ),
        ],
        "branch",
        [tensor("x", FIXED)],
        [tensor("y", FIXED)],
        [values("first", 0, np.int64), values("zero", 0), values("w", [[5, 6]])],
    )


def loop():
    body = helper.make_graph(
        [node("Identity", ["go"], ["goes"]), node("Identity", ["state"], ["next"])],
        "body",
        [
            tensor("turn", [], TensorProto.INT64),
            tensor("go", [], TensorProto.BOOL),
            tensor("state", FIXED),
        ],
        [tensor("goes", [], TensorProto.BOOL), tensor("next", FIXED)],
    )
    return helper.make_graph(
        [node("Loop", ["turns", "true", "x"], ["y"], body=body)],
        "loop",
        [tensor("x", FIXED)],
        [tensor("y", FIXED)],
        [values("turns", 2, np.int64), values("true", True, np.bool_)],
    )


def boxed():
    return helper.make_graph(
        [
            node("Optional", ["x"], ["box"]),
            node("OptionalGetElement", ["box"], ["y"]),
            node("SequenceConstruct", ["x", "x"], ["both"]),
            node("SequenceAt", ["both", "second"], ["z"]),
        ],
        "boxed",
        [tensor("x", FIXED)],
        [tensor("y", FIXED), tensor("z", FIXED)],
        [values("second", 1, np.int64)],
    )


def empty():
    return relu(OPEN, [tensor("x", OPEN), tensor("y", OPEN)])


def unwritten():
    return helper.make_graph(
        [
            node("Slice", ["x", "none", "none", "second"], ["empty"]),
            node("Cast", ["empty"], ["whole"], to=TensorProto.UINT8),
            node("MatMulInteger", ["whole", "weights"], ["y"]),
        ],
        "unwritten",
        [tensor("x", FIXED)],
        [tensor("y", FIXED, TensorProto.INT32)],
        [
            values("none", [0], np.int64),
            values("second", [1], np.int64),
            values("weights", np.zeros((0, 2)), np.uint8),
        ],
    )


def body(items=True, branches=True):
    """A Scan and an If whose bodies have an Identity before each output, unless it is to be left out."""
    scan = helper.make_graph(
        [node("Identity", ["state"], ["kept"])]
        + ([node("Identity", ["item"], ["out"])] if items else []),
        "scan",
        [tensor("state", FIXED), tensor("item", [2])],
        [tensor("kept", FIXED), tensor("out" if items else "item", [2])],
    )

    def branch(name):
        first, second = f"{name}_first", f"{name}_second"
        return helper.make_graph(
            [node("Relu", ["x"], [first])]
            + ([node("Identity", [first], [second])] if branches else []),
            name,
            [],
            [tensor(first, FIXED), tensor(second if branches else first, FIXED)],
        )

    return helper.make_graph(
        [
            node("Scan", ["x", "x"], ["y", "z"], body=scan, num_scan_inputs=1),
            node("ReduceMax", ["x"], ["most"], keepdims=0),
            node("Greater", ["most", "zero"], ["above"]),
            node(
                "If", ["above"], ["f", "g"], then_branch=branch("then"), else_branch=branch("else")
            ),
        ],
        "body",
        [tensor("x", FIXED)],
        [tensor(name, FIXED) for name in "yzfg"],
        [values("zero", 0)],
    )


def optional_rows():
    return helper.make_graph(
        [node("Mul", ["x", "scale"], ["y"])],
        "optional_rows",
        [tensor("x", OPEN), tensor("scale", [])],
        [tensor("y", OPEN)],
        [values("scale", 3)],
    )


def optional_output():
    return helper.make_graph(
        [node("Add", ["x", "w"], ["y"])],
        "optional_output",
        [tensor("x", FIXED), tensor("w", FIXED)],
        [tensor("y", FIXED), tensor("w", FIXED)],
        [values("w", [[5, 6]])],
    )


def mixed_outputs():
    return relu(
        FIXED,
        [tensor("positive", FIXED, TensorProto.BOOL), tensor("y", FIXED)],
        [node("Greater", ["x", "zero"], ["positive"])],
        [],
        [values("zero", 0)],
    )


def optional_mask():
    return helper.make_graph(
        [node("Where", ["mask", "x", "zero"], ["y"])],
        "optional_mask",
        [tensor("x", FIXED), tensor("mask", [], TensorProto.BOOL)],
        [tensor("y", FIXED)],
        [values("mask", True, np.bool_), values("zero", 0)],
    )


def main(folder):
    folder = Path(folder)
    for graph, name in [
        (twice(), "alias-twice"),
        (constant(), "alias-constant"),
        (chain(), "alias-chain"),
        (branch(), "alias-branch"),
        (loop(), "alias-loop"),
        (boxed(), "alias-boxed"),
        (empty(), "alias-empty"),
        (unwritten(), "unwritten"),
        (body(), "body-kept"),
        (body(items=False), "body-input"),
        (body(branches=False), "body-twice"),
        (optional_rows(), "optional-rows"),
        (optional_output(), "optional-output"),
        (mixed_outputs(), "mixed-outputs"),
        (optional_mask(), "optional-mask"),
    ]:
        # The checker wants every name once, and every output made by a node; ONNX Runtime does not.
        write(graph, folder / f"{name}.onnx", valid=False)


if __name__ == "__main__":
    main(sys.argv[1])

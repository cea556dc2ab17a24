"""Writes a perceptron of 64, 32 and 10 units with seeded random weights as an ONNX file.

It is about the smallest model that anybody runs at the edge: one inference takes microseconds, so
whatever a boundary adds is seen at once.

    python mlp.py mlp.onnx

Input `input` f32 [1,64], output `output` f32 [1,10]. The same file every time.
"""

import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from writing import write

SEED = 643210


def main(path):
    random = np.random.Generator(np.random.PCG64(SEED))

    def layer(name, units_in, units_out):
        weight = random.standard_normal((units_in, units_out)) * np.sqrt(2.0 / units_in)
        bias = random.standard_normal(units_out) * 0.01
        return [
            numpy_helper.from_array(weight.astype(np.float32), f"{name}_weight"),
            numpy_helper.from_array(bias.astype(np.float32), f"{name}_bias"),
        ]

    weights = layer("hidden", 64, 32) + layer("scores", 32, 10)
    nodes = [
        helper.make_node("Gemm", ["input", "hidden_weight", "hidden_bias"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "scores_weight", "scores_bias"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 10])],
        weights,
    )
    write(graph, path)


if __name__ == "__main__":
    main(sys.argv[1])

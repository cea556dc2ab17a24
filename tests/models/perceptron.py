"""A perceptron with seeded random weights: what `mlp.py` and `mlp1024.py` write, at two sizes."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from writing import write


def perceptron(name, seed, units, path):
    """Writes dense layers between so many `units`, with a ReLU between each two of them.

    `input` f32 [batch, first], `output` f32 [batch, last]. The same file every time.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    nodes, weights, x = [], [], "input"
    for index, (units_in, units_out) in enumerate(zip(units, units[1:])):
        weight = random.standard_normal((units_in, units_out)) * np.sqrt(2.0 / units_in)
        bias = random.standard_normal(units_out) * 0.01
        given = [f"weight_{index}", f"bias_{index}"]
        weights.append(numpy_helper.from_array(weight.astype(np.float32), given[0]))
        weights.append(numpy_helper.from_array(bias.astype(np.float32), given[1]))
        last = index + 2 == len(units)
        dense = "output" if last else f"dense_{index}"
        nodes.append(helper.make_node("Gemm", [x, *given], [dense]))
        if not last:
            x = f"active_{index}"
            nodes.append(helper.make_node("Relu", [dense], [x]))
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        name,
        [tensor("input", TensorProto.FLOAT, ["batch", units[0]])],
        [tensor("output", TensorProto.FLOAT, ["batch", units[-1]])],
        weights,
    )
    write(graph, path)

"""Collects the nodes and the seeded weights of a network: what the models of the benchmarks share.

The weights are drawn, not trained, so that scores mean nothing and running times mean everything.
BatchNorm is folded into the convolutions, as any deployed export has it. Every network takes one
picture or many: the first dimension of its input and of its output is `batch`.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Every method returns the name of what it made."""

    def __init__(self, seed):
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.nodes = []
        self.weights = []

    def constant(self, name, array):
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operator, inputs, **attributes):
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def weight(self, shape, gain):
        """He's scaling: a gain of 1 keeps the variance of what goes in, 2 makes up for a ReLU."""
        fan_in = int(np.prod(shape[1:]))
        drawn = self.random.standard_normal(shape) * np.sqrt(gain / fan_in)
        return self.constant(f"weight_{len(self.weights)}", drawn.astype(np.float32))

    def convolution(self, x, channels_in, channels_out, kernel, stride, groups=1, gain=1.0):
        weight = self.weight((channels_out, channels_in // groups, kernel, kernel), gain)
        drawn = self.random.standard_normal(channels_out) * 0.01
        bias = self.constant(f"bias_{len(self.weights)}", drawn.astype(np.float32))
        pad = kernel // 2
        return self.node(
            "Conv",
            [x, weight, bias],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[pad, pad, pad, pad],
            group=groups,
        )

    def scores(self, x, units_in, classes):
        """The end of a classifier: the mean of each channel, one dense layer, `output`."""
        x = self.node("GlobalAveragePool", [x])
        x = self.node("Flatten", [x], axis=1)
        weight = self.weight((classes, units_in), 1.0)
        bias = self.constant("bias_scores", np.zeros(classes, np.float32))
        self.nodes.append(
            helper.make_node("Gemm", [x, weight, bias], ["output"], name="scores", transB=1)
        )

    def graph(self, name, takes, gives):
        """The graph: `input` f32 [batch, *takes], `output` f32 [batch, *gives]."""
        tensor = helper.make_tensor_value_info
        return helper.make_graph(
            self.nodes,
            name,
            [tensor("input", TensorProto.FLOAT, ["batch", *takes])],
            [tensor("output", TensorProto.FLOAT, ["batch", *gives])],
            self.weights,
        )

"""Writes MobileNetV2-1.0-224 as an ONNX file with seeded random weights.

The architecture is the paper's (17 inverted residual blocks, 3.5 million parameters, 0.3 billion
multiply-adds); the weights are drawn, not trained, so its scores mean nothing and its running time
means everything. BatchNorm is folded into the convolutions, as any deployed export has it.

    python mobilenet_v2.py mobilenet_v2.onnx

Input `input` f32 [1,3,224,224], output `output` f32 [1,1000]. The same file every time.
"""

import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from writing import write

SEED = 20180113
# Expansion, output channels, blocks, stride of the first block.
STAGES = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]
STEM, HEAD, CLASSES = 32, 1280, 1000


class Builder:
    """Collects nodes and weights; every method returns the name of what it made."""

    def __init__(self):
        self.random = np.random.Generator(np.random.PCG64(SEED))
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
        """He's scaling: the variance of what comes out is the variance of what went in."""
        fan_in = int(np.prod(shape[1:]))
        drawn = self.random.standard_normal(shape) * np.sqrt(gain / fan_in)
        return self.constant(f"weight_{len(self.weights)}", drawn.astype(np.float32))

    def convolution(self, x, channels_in, channels_out, kernel, stride, groups, activate):
        # ReLU halves the power of a signal, hence 2; a linear bottleneck does not, hence 1.
        gain = 2.0 if activate else 1.0
        weight = self.weight((channels_out, channels_in // groups, kernel, kernel), gain)
        drawn = self.random.standard_normal(channels_out) * 0.01
        bias = self.constant(f"bias_{len(self.weights)}", drawn.astype(np.float32))
        pad = kernel // 2
        x = self.node(
            "Conv",
            [x, weight, bias],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[pad, pad, pad, pad],
            group=groups,
        )
        return self.node("Clip", [x, "zero", "six"]) if activate else x

    def block(self, x, channels_in, channels_out, expansion, stride):
        """One inverted residual: widen, filter each channel, narrow, add where nothing changed."""
        hidden, y = channels_in * expansion, x
        if expansion != 1:
            y = self.convolution(y, channels_in, hidden, 1, 1, 1, True)
        y = self.convolution(y, hidden, hidden, 3, stride, hidden, True)
        y = self.convolution(y, hidden, channels_out, 1, 1, 1, False)
        if stride == 1 and channels_in == channels_out:
            y = self.node("Add", [x, y])
        return y


def main(path):
    b = Builder()
    b.constant("zero", np.array(0, np.float32))
    b.constant("six", np.array(6, np.float32))

    x = b.convolution("input", 3, STEM, 3, 2, 1, True)
    channels = STEM
    for expansion, channels_out, blocks, stride in STAGES:
        for index in range(blocks):
            x = b.block(x, channels, channels_out, expansion, stride if index == 0 else 1)
            channels = channels_out
    x = b.convolution(x, channels, HEAD, 1, 1, 1, True)
    x = b.node("GlobalAveragePool", [x])
    x = b.node("Flatten", [x], axis=1)
    scores = b.weight((CLASSES, HEAD), 1.0)
    bias = b.constant("bias_scores", np.zeros(CLASSES, np.float32))
    b.nodes.append(helper.make_node("Gemm", [x, scores, bias], ["output"], name="scores", transB=1))

    graph = helper.make_graph(
        b.nodes,
        "mobilenet_v2",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, CLASSES])],
        b.weights,
    )
    write(graph, path)


if __name__ == "__main__":
    main(sys.argv[1])

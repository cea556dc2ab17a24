"""Writes MobileNetV2-1.0-224 as an ONNX file with seeded random weights.

The architecture is the paper's: 17 inverted residual blocks, 3.5 million parameters, 0.3 billion
multiply-adds.

    python mobilenet_v2.py mobilenet_v2.onnx

Input `input` f32 [batch,3,224,224], output `output` f32 [batch,1000]. The same file every time.
"""

import sys

import numpy as np

from layers import Builder
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


def active(b, x, channels_in, channels_out, kernel, stride, groups):
    """A convolution and its ReLU6."""
    x = b.convolution(x, channels_in, channels_out, kernel, stride, groups, gain=2.0)
    return b.node("Clip", [x, "zero", "six"])


def block(b, x, channels_in, channels_out, expansion, stride):
    """One inverted residual: widen, filter each channel, narrow, add where nothing changed."""
    hidden, y = channels_in * expansion, x
    if expansion != 1:
        y = active(b, y, channels_in, hidden, 1, 1, 1)
    y = active(b, y, hidden, hidden, 3, stride, hidden)
    y = b.convolution(y, hidden, channels_out, 1, 1)
    if stride == 1 and channels_in == channels_out:
        y = b.node("Add", [x, y])
    return y


def main(path):
    b = Builder(SEED)
    b.constant("zero", np.array(0, np.float32))
    b.constant("six", np.array(6, np.float32))

    x = active(b, "input", 3, STEM, 3, 2, 1)
    channels = STEM
    for expansion, channels_out, blocks, stride in STAGES:
        for index in range(blocks):
            x = block(b, x, channels, channels_out, expansion, stride if index == 0 else 1)
            channels = channels_out
    x = active(b, x, channels, HEAD, 1, 1, 1)
    b.scores(x, HEAD, CLASSES)
    write(b.graph("mobilenet_v2", [3, 224, 224], [CLASSES]), path)


if __name__ == "__main__":
    main(sys.argv[1])

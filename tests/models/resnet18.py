"""Writes ResNet18 as an ONNX file with seeded random weights.

The architecture is the paper's: 8 basic blocks of two 3x3 convolutions, 11.7 million parameters,
1.8 billion multiply-adds: a long inference, beside which a boundary is nothing and waiting is all.

    python resnet18.py resnet18.onnx

Input `input` f32 [batch,3,224,224], output `output` f32 [batch,1000]. The same file every time.
"""

import sys

from layers import Builder
from writing import write

SEED = 20151210
# Channels, stride of the first block; two blocks each.
STAGES = [(64, 1), (128, 2), (256, 2), (512, 2)]
BLOCKS, STEM, CLASSES = 2, 64, 1000


def block(b, x, channels_in, channels_out, stride):
    """Two convolutions beside a shortcut, which is a convolution where the shape changes."""
    y = b.node("Relu", [b.convolution(x, channels_in, channels_out, 3, stride, gain=2.0)])
    # Half the power from each side, so that the depth adds none.
    y = b.convolution(y, channels_out, channels_out, 3, 1, gain=0.5)
    if stride != 1 or channels_in != channels_out:
        x = b.convolution(x, channels_in, channels_out, 1, stride)
    return b.node("Relu", [b.node("Add", [x, y])])


def main(path):
    b = Builder(SEED)
    x = b.node("Relu", [b.convolution("input", 3, STEM, 7, 2, gain=2.0)])
    x = b.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = STEM
    for channels_out, stride in STAGES:
        for index in range(BLOCKS):
            x = block(b, x, channels, channels_out, stride if index == 0 else 1)
            channels = channels_out
    b.scores(x, channels, CLASSES)
    write(b.graph("resnet18", [3, 224, 224], [CLASSES]), path)


if __name__ == "__main__":
    main(sys.argv[1])

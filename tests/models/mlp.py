"""Writes a perceptron of 64, 32 and 10 units as an ONNX file.

It is about the smallest model that anybody runs at the edge: one inference takes microseconds, so
whatever a boundary adds is seen at once.

    python mlp.py mlp.onnx

Input `input` f32 [batch,64], output `output` f32 [batch,10].
"""

import sys

from perceptron import perceptron

if __name__ == "__main__":
    perceptron("mlp", 643210, [64, 32, 10], sys.argv[1])

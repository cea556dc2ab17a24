"""Writes a perceptron of 784, 1024, 1024 and 10 units as an ONNX file.

One inference reads 7.5 MB of weights and does little with each: it is bound by memory, and many
inferences at once cost hardly more than one. It is what batching is for.

    python mlp1024.py mlp1024.onnx

Input `input` f32 [batch,784], output `output` f32 [batch,10].
"""

import sys

from perceptron import perceptron

if __name__ == "__main__":
    perceptron("mlp1024", 7841024, [784, 1024, 1024, 10], sys.argv[1])

"""Trains the digit classifier and writes `models/digits.onnx`.

A small convolutional network in numpy, fitted to the training part of the UCI handwritten digits with
augmentation, then exported by hand. The accuracy on the held-out part is measured by ONNX Runtime on the
written file, not by the training code, and the script fails below `REQUIRED`. Nothing is chosen by looking
at the held-out part: the number of epochs is fixed, and the last average of the weights is what is written.

One seed and one thread: the same library versions on the same kind of processor write the same bytes.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import digits

REQUIRED = 0.98
SEED = 7
EPOCHS = 120
BATCH = 64
RATE = 2e-3
DECAY = 1e-4
AVERAGE = 0.998
CHANNELS = (16, 32)
HIDDEN = 64
DROP = 0.3
MODEL = Path(__file__).parent / "models" / "digits.onnx"


def augment(images, rng):
    """Training windows as a camera might deliver them: [n, SIDE, SIDE]."""
    n = len(images)
    uniform = lambda low, high: rng.uniform(low, high, n).astype(np.float32)
    angle = np.deg2rad(uniform(-10, 10))
    shear = uniform(-0.15, 0.15)
    wide, high = 1 / uniform(0.72, 1.0), 1 / uniform(0.72, 1.0)
    cos, sin = np.cos(angle), np.sin(angle)
    matrices = np.zeros((n, 2, 3), np.float32)
    matrices[:, 0, 0] = wide * cos
    matrices[:, 0, 1] = wide * (shear - sin)
    matrices[:, 1, 0] = high * sin
    matrices[:, 1, 1] = high * cos
    matrices[:, 0, 2] = uniform(-0.16, 0.16)
    matrices[:, 1, 2] = uniform(-0.16, 0.16)
    windows = digits.warp(images, matrices)

    # Optics: half of them a little out of focus.
    soft = np.pad(windows, ((0, 0), (1, 1), (1, 1)), mode="edge")
    soft = (soft[:, :, :-2] + 2 * soft[:, :, 1:-1] + soft[:, :, 2:]) / 4
    soft = (soft[:, :-2] + 2 * soft[:, 1:-1] + soft[:, 2:]) / 4
    blend = (uniform(0, 1) * (uniform(0, 1) < 0.5))[:, None, None]
    windows = windows * (1 - blend) + soft * blend

    # Light: contrast, gamma, a slope across the window, noise; then the stretch that the plugin does.
    windows = np.clip(windows, 0, 1) ** uniform(0.7, 1.4)[:, None, None]
    line = np.linspace(-1, 1, digits.SIDE, dtype=np.float32)
    slope = uniform(-0.08, 0.08)[:, None, None] * line[None, None, :]
    slope = slope + uniform(-0.08, 0.08)[:, None, None] * line[None, :, None]
    noise = rng.standard_normal(windows.shape).astype(np.float32) * uniform(0, 0.06)[:, None, None]
    return np.clip(windows * uniform(0.8, 1.1)[:, None, None] + slope + noise, 0, 1)


def columns(maps):
    """3x3 neighbourhoods of [n, h, w, c] with zeros outside: [n*h*w, 9*c]."""
    n, h, w, c = maps.shape
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = [padded[:, dy : dy + h, dx : dx + w] for dy in range(3) for dx in range(3)]
    return np.concatenate(parts, axis=3).reshape(n * h * w, 9 * c)


def columns_back(gradient, shape):
    """The transpose of `columns`: gradients of the neighbourhoods to those of the maps."""
    n, h, w, c = shape
    gradient = gradient.reshape(n, h, w, 9, c)
    padded = np.zeros((n, h + 2, w + 2, c), np.float32)
    for place in range(9):
        dy, dx = divmod(place, 3)
        padded[:, dy : dy + h, dx : dx + w] += gradient[:, :, :, place]
    return padded[:, 1:-1, 1:-1]


def pool(maps):
    """2x2 maxima of [n, h, w, c], and which of the four each is."""
    n, h, w, c = maps.shape
    cells = maps.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // 2, w // 2, 4, c)
    which = cells.argmax(axis=3)
    return np.take_along_axis(cells, which[:, :, :, None], axis=3)[:, :, :, 0], which


def pool_back(gradient, which):
    n, h, w, c = gradient.shape
    cells = np.zeros((n, h, w, 4, c), np.float32)
    np.put_along_axis(cells, which[:, :, :, None], gradient[:, :, :, None], axis=3)
    return cells.reshape(n, h, w, 2, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, 2 * h, 2 * w, c)


def fresh_weights(rng):
    """He's initialisation; a convolution's weight is [9 * in, out], a dense one's [in, out]."""
    inside = (digits.SIDE // 4) ** 2 * CHANNELS[1]
    shapes = {"conv1": (9, CHANNELS[0]), "conv2": (9 * CHANNELS[0], CHANNELS[1]), "dense1": (inside, HIDDEN), "dense2": (HIDDEN, 10)}
    weights = {}
    for name, (fan_in, fan_out) in shapes.items():
        weights[name] = (rng.standard_normal((fan_in, fan_out)) * np.sqrt(2.0 / fan_in)).astype(np.float32)
        weights[name + ".bias"] = np.zeros(fan_out, np.float32)
    return weights


def gradients(weights, windows, labels, rng):
    """One step forward and back: the gradient of the mean cross-entropy for every weight."""
    n, side, _ = windows.shape
    cols1 = columns(windows[..., None])
    maps1 = np.maximum(cols1 @ weights["conv1"] + weights["conv1.bias"], 0).reshape(n, side, side, -1)
    pooled1, which1 = pool(maps1)
    cols2 = columns(pooled1)
    maps2 = np.maximum(cols2 @ weights["conv2"] + weights["conv2.bias"], 0).reshape(n, side // 2, side // 2, -1)
    pooled2, which2 = pool(maps2)
    flat = pooled2.reshape(n, -1)
    kept = (rng.random(flat.shape) >= DROP).astype(np.float32) / (1 - DROP)
    flat = flat * kept
    hidden = np.maximum(flat @ weights["dense1"] + weights["dense1.bias"], 0)
    scores = hidden @ weights["dense2"] + weights["dense2.bias"]
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)

    found = {}
    back = scores
    back[np.arange(n), labels] -= 1
    back /= n
    found["dense2"], found["dense2.bias"] = hidden.T @ back, back.sum(axis=0)
    back = (back @ weights["dense2"].T) * (hidden > 0)
    found["dense1"], found["dense1.bias"] = flat.T @ back, back.sum(axis=0)
    back = (back @ weights["dense1"].T) * kept
    back = pool_back(back.reshape(pooled2.shape), which2) * (maps2 > 0)
    back = back.reshape(-1, CHANNELS[1])
    found["conv2"], found["conv2.bias"] = cols2.T @ back, back.sum(axis=0)
    back = columns_back(back @ weights["conv2"].T, pooled1.shape)
    back = (pool_back(back, which1) * (maps1 > 0)).reshape(-1, CHANNELS[0])
    found["conv1"], found["conv1.bias"] = cols1.T @ back, back.sum(axis=0)
    return found


def train(images, labels):
    """Adam with a cosine schedule; what comes back is the running average of the weights."""
    rng = np.random.default_rng(SEED)
    weights = fresh_weights(rng)
    average = {name: value.copy() for name, value in weights.items()}
    mean = {name: np.zeros_like(value) for name, value in weights.items()}
    square = {name: np.zeros_like(value) for name, value in weights.items()}
    steps, step = EPOCHS * -(-len(images) // BATCH), 0
    for epoch in range(EPOCHS):
        order = rng.permutation(len(images))
        windows = augment(images[order], rng)
        for start in range(0, len(order), BATCH):
            step += 1
            batch = order[start : start + BATCH]
            found = gradients(weights, windows[start : start + BATCH], labels[batch], rng)
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            for name, gradient in found.items():
                mean[name] += 0.1 * (gradient - mean[name])
                square[name] += 0.001 * (gradient * gradient - square[name])
                change = (mean[name] / (1 - 0.9**step)) / (np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8)
                decay = DECAY if not name.endswith(".bias") else 0.0
                weights[name] -= (rate * (change + decay * weights[name])).astype(np.float32)
                average[name] += (1 - AVERAGE) * (weights[name] - average[name])
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1} of {EPOCHS}", file=sys.stderr, flush=True)
    return average


def export(weights):
    """The same network as an ONNX model: `digits` f32 [batch, 1, SIDE, SIDE] to `scores` f32 [batch, 10]."""
    nchw = {}
    for name, inputs in (("conv1", 1), ("conv2", CHANNELS[0])):
        nchw[name] = weights[name].reshape(3, 3, inputs, -1).transpose(3, 2, 0, 1)
    # The network's maps are height, width, channel; ONNX flattens channel, height, width.
    quarter = digits.SIDE // 4
    nchw["dense1"] = weights["dense1"].reshape(quarter, quarter, CHANNELS[1], HIDDEN).transpose(2, 0, 1, 3).reshape(-1, HIDDEN)
    nchw["dense2"] = weights["dense2"]
    constants = []
    for name in ("conv1", "conv2", "dense1", "dense2"):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(nchw[name]), name))
        constants.append(numpy_helper.from_array(weights[name + ".bias"], name + ".bias"))
    conv = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    halve = dict(kernel_shape=[2, 2], strides=[2, 2])
    nodes = [
        helper.make_node("Conv", ["digits", "conv1", "conv1.bias"], ["c1"], **conv),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("MaxPool", ["r1"], ["p1"], **halve),
        helper.make_node("Conv", ["p1", "conv2", "conv2.bias"], ["c2"], **conv),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("MaxPool", ["r2"], ["p2"], **halve),
        helper.make_node("Flatten", ["p2"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "dense1", "dense1.bias"], ["h"]),
        helper.make_node("Relu", ["h"], ["r3"]),
        helper.make_node("Gemm", ["r3", "dense2", "dense2.bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("digits", TensorProto.FLOAT, ["batch", 1, digits.SIDE, digits.SIDE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 10])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="meter-reader")
    onnx.checker.check_model(model, full_check=True)
    return model


def accuracy(path, images, labels):
    """Share of the images that the written model classifies right, by ONNX Runtime."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    scores = session.run(["scores"], {"digits": digits.plain(images)[:, None]})[0]
    return float((scores.argmax(axis=1) == labels).mean())


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--check", action="store_true", help="measure the model that is there; train nothing")
    check = arguments.parse_args().check
    images, labels, held_out, held_out_labels = digits.split()
    if not check:
        MODEL.parent.mkdir(exist_ok=True)
        onnx.save(export(train(images, labels)), MODEL)
    reached = accuracy(MODEL, held_out, held_out_labels)
    print(f"held-out accuracy {reached:.4f} on {len(held_out)} digits, {MODEL.stat().st_size} bytes")
    if reached < REQUIRED:
        sys.exit(f"the held-out accuracy must be at least {REQUIRED}: change the training and run it again")


if __name__ == "__main__":
    main()

"""The data set and its one split, shared by everything that touches it.

`train.py` fits on `train` alone; `render.py` draws from `held_out` alone. Both get them here, so that
no picture the plugin is judged on can show a digit that the model was fitted to.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SPLIT_SEED = 20
HELD_OUT = 0.2

# The model's input is SIDE x SIDE; a digit fills FILL of it, as it fills a register's window.
SIDE = 16
FILL = 0.86


def split():
    """(train images, train labels, held-out images, held-out labels); images f32 [n, 8, 8] in 0..1, ink is 1."""
    data = load_digits()
    images = (data.images / 16.0).astype(np.float32)
    train, held_out, train_labels, held_out_labels = train_test_split(
        images, data.target, test_size=HELD_OUT, random_state=SPLIT_SEED, stratify=data.target
    )
    return train, train_labels, held_out, held_out_labels


def warp(images, matrices, side=SIDE):
    """Samples each 8x8 image bilinearly at side x side points.

    `matrices` f32 [n, 2, 3] takes an output point (x, y, 1), both in -1..1, to a point of the image in -1..1.
    Outside of the image there is no ink.
    """
    n, height, width = images.shape
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    line = (np.arange(side, dtype=np.float32) + 0.5) * (2.0 / side) - 1.0
    xs, ys = np.meshgrid(line, line)
    points = np.stack([xs.ravel(), ys.ravel(), np.ones(side * side, np.float32)])
    source = matrices.astype(np.float32) @ points
    x = np.clip((source[:, 0] + 1.0) * (width / 2.0) + 0.5, 0.0, width + 0.999)
    y = np.clip((source[:, 1] + 1.0) * (height / 2.0) + 0.5, 0.0, height + 0.999)
    left, top = x.astype(np.int32), y.astype(np.int32)
    fx, fy = x - left, y - top
    each = np.arange(n)[:, None]
    above = padded[each, top, left] * (1 - fx) + padded[each, top, left + 1] * fx
    below = padded[each, top + 1, left] * (1 - fx) + padded[each, top + 1, left + 1] * fx
    return (above * (1 - fy) + below * fy).reshape(n, side, side).astype(np.float32)


def plain(images, side=SIDE, fill=FILL):
    """The images as the model expects them, undistorted: [n, side, side]."""
    matrix = np.array([[1 / fill, 0, 0], [0, 1 / fill, 0]], np.float32)
    return warp(images, np.repeat(matrix[None], len(images), axis=0), side)

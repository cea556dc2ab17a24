"""Renders the frames: a mechanical register as a gateway's camera might see it.

Every digit is a held-out sample of the data set, never one that the model was fitted to, and none is shown
twice before all samples of its class have been shown. Light, noise, rotation and shift differ from frame to
frame. `frames/` gets colour JPEGs and `truth.json`, `frames-pgm/` the luma of the very same JPEGs, so that a
plugin that cannot decode JPEG reads the same pictures. One seed: the same library versions write the same bytes.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import digits

SEED = 4
COUNT = 48
WIDTH, HEIGHT = 288, 84
QUALITY = 85
# Everything is drawn this many times larger and then reduced.
FINE = 3
WINDOWS = 5
WINDOW_WIDTH, WINDOW_HEIGHT, PITCH = 28, 34, 40
# From frame to frame the register goes on by something in this range.
STEPS = (500, 3200)
# Two frames break with the one before, one lower and one far too high; the frame after takes it back.
BREAKS = {17: -5000, 34: 23456}
HERE = Path(__file__).parent


def readings(rng):
    """[(reading, plausible)]: rising step by step, but for the breaks."""
    value, found = 312, []
    for index in range(COUNT):
        shown = value + BREAKS.get(index, 0)
        found.append((f"{shown:0{WINDOWS}d}", index not in BREAKS))
        value += int(rng.integers(*STEPS))
        assert shown <= 99999, "the register ran over: take smaller steps"
    return found


class Samples:
    """Held-out digits by class, each dealt once before any is dealt again."""

    def __init__(self, rng):
        _, _, images, labels = digits.split()
        self.rng = rng
        self.classes = [images[labels == digit] for digit in range(10)]
        self.hands = [[] for _ in range(10)]

    def draw(self, digit):
        if not self.hands[digit]:
            self.hands[digit] = list(self.rng.permutation(len(self.classes[digit])))
        return self.classes[digit][self.hands[digit].pop()]


def scaled(*values):
    return tuple(round(value * FINE) for value in values)


def meter(reading, samples, rng):
    """The meter's face, straight and evenly lit, larger than the frame by a margin for turning it."""
    width, height = WIDTH + 80, HEIGHT + 80
    middle, centre = width / 2, height / 2
    face = Image.new("RGB", scaled(width, height), (214, 212, 204))
    draw = ImageDraw.Draw(face)
    # Things beside the register that are none of it: a rim, a screw, a scale, a label.
    draw.line(scaled(0, centre - 38, width, centre - 38), fill=(150, 150, 146), width=2 * FINE)
    draw.line(scaled(0, centre + 37, width, centre + 37), fill=(168, 166, 160), width=FINE)
    draw.ellipse(scaled(middle - 132, centre - 4, middle - 123, centre + 5), fill=(120, 118, 112))
    draw.text(scaled(middle + 117, centre - 7), "m", fill=(50, 50, 54), font_size=12 * FINE)
    draw.text(scaled(middle + 127, centre - 9), "3", fill=(50, 50, 54), font_size=7 * FINE)
    draw.text(scaled(middle - 60, centre + 26), "No 4071 233  Qn 1,5", fill=(110, 108, 104), font_size=7 * FINE)
    for mark in range(9):
        x = middle - 80 + 20 * mark
        draw.line(scaled(x, centre - 33, x, centre - 30), fill=(120, 118, 112), width=FINE)

    plate = (middle - 108, centre - 24, middle + 108, centre + 24)
    draw.rounded_rectangle(scaled(*plate), radius=4 * FINE, fill=(34, 35, 40))
    for place, digit in enumerate(reading):
        left = middle + (place - (WINDOWS - 1) / 2) * PITCH - WINDOW_WIDTH / 2
        top = centre - WINDOW_HEIGHT / 2
        window = drum(samples.draw(int(digit)), rng)
        shape = Image.new("L", window.size, 0)
        ImageDraw.Draw(shape).rounded_rectangle((0, 0, window.width - 1, window.height - 1), radius=2 * FINE, fill=255)
        face.paste(window, scaled(left, top), shape)
    return face


def drum(sample, rng):
    """One window: a sample upscaled onto a drum that curves away at its top and bottom."""
    size = scaled(WINDOW_WIDTH, WINDOW_HEIGHT)
    wide, high = round(size[0] * digits.FILL), round(size[1] * digits.FILL)
    ink = Image.fromarray((np.clip(sample, 0, 1) * 255).astype(np.uint8)).resize((wide, high), Image.Resampling.BICUBIC)
    layer = Image.new("L", size, 0)
    roll = rng.uniform(-1.2, 1.2)
    layer.paste(ink, ((size[0] - wide) // 2, round((size[1] - high) / 2 + roll * FINE)))
    amount = np.asarray(layer, np.float32)[..., None] / 255 * rng.uniform(0.85, 1.0)
    paper, print_ = np.array([232, 228, 214], np.float32), np.array([28, 26, 30], np.float32)
    colour = paper * (1 - amount) + print_ * amount
    bend = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None, None]
    return Image.fromarray((colour * (1 - 0.18 * bend**4)).astype(np.uint8))


def light(rng):
    """Uneven light as a factor per pixel: a slope, a fall-off, a soft reflection of a lamp."""
    x, y = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    angle = rng.uniform(0, 2 * np.pi)
    field = rng.uniform(0.72, 0.98) * (1 + rng.uniform(0.05, 0.3) * (x * np.cos(angle) + y * np.sin(angle)))
    field *= 1 - rng.uniform(0, 0.2) * (x**2 + 0.3 * y**2)
    lamp = np.exp(-(((x - rng.uniform(-0.9, 0.9)) / 0.3) ** 2 + ((y - rng.uniform(-0.8, 0.8)) / 0.9) ** 2))
    return field + rng.uniform(0, 0.22) * lamp


def photograph(face, rng):
    """The face turned, shifted, lit, a little out of focus, with the sensor's noise."""
    turn, zoom = np.deg2rad(rng.uniform(-4, 4)), 1 / rng.uniform(0.94, 1.06)
    shift = rng.uniform(-9, 9), rng.uniform(-5, 5)
    cos, sin = np.cos(turn) * zoom, np.sin(turn) * zoom
    cx, cy = (WIDTH / 2 + shift[0]) * FINE, (HEIGHT / 2 + shift[1]) * FINE
    fx, fy = face.width / 2, face.height / 2
    matrix = (cos, sin, fx - cos * cx - sin * cy, -sin, cos, fy + sin * cx - cos * cy)
    picture = face.transform(scaled(WIDTH, HEIGHT), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    picture = picture.resize((WIDTH, HEIGHT), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.7)))
    pixels = np.asarray(picture, np.float64) * light(rng)[..., None]
    pixels *= np.array([1 + rng.uniform(-0.03, 0.06), 1.0, 1 + rng.uniform(-0.12, 0.02)])
    pixels += rng.normal(0, rng.uniform(1.5, 4.0), (HEIGHT, WIDTH, 1)) + rng.normal(0, 1.0, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def emptied(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--seed", type=int, default=SEED, help="other frames of the same kind")
    arguments.add_argument("--into", type=Path, default=HERE, help="the folder that gets frames/ and frames-pgm/")
    asked = arguments.parse_args()
    rng = np.random.default_rng(asked.seed)
    samples = Samples(rng)
    jpegs, pgms = emptied(asked.into / "frames"), emptied(asked.into / "frames-pgm")
    truth = {}
    for index, (reading, plausible) in enumerate(readings(rng)):
        name = f"meter-{index:03d}"
        frame = photograph(meter(reading, samples, rng), rng)
        frame.save(jpegs / f"{name}.jpg", quality=QUALITY)
        with Image.open(jpegs / f"{name}.jpg") as jpeg:
            jpeg.draft("L", jpeg.size)
            jpeg.convert("L").save(pgms / f"{name}.pgm")
        truth[name] = {"reading": reading, "plausible": plausible}
    lines = ",\n".join(f'    "{name}": {json.dumps(entry)}' for name, entry in truth.items())
    (jpegs / "truth.json").write_text(f'{{\n  "schema": 1,\n  "compare": {{"reading": {{"by": "characters"}}}},\n  "frames": {{\n{lines}\n  }}\n}}\n')
    size = sum(path.stat().st_size for folder in (jpegs, pgms) for path in folder.iterdir())
    print(f"{len(truth)} frames of {WIDTH}x{HEIGHT}, {size} bytes with their PGM copies")


if __name__ == "__main__":
    main()

"""How many readings and digits are right, without a host: the plugin's own code makes the model's input, ONNX
Runtime in Python answers it, `truth.json` judges. Fails below `REQUIRED`.

    cargo build -p meter-reader --example windows
    python check.py target/debug/examples/windows [FOLDER]
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).parent
REQUIRED = 0.9


def check(tool, files, truth):
    """(digits right, readings right, names of the misread) of these files."""
    made = subprocess.run([tool, *map(str, files)], stdout=subprocess.PIPE, check=True).stdout
    windows = np.frombuffer(made, "<f4").reshape(len(files), 5, 1, 16, 16)
    session = onnxruntime.InferenceSession(str(HERE / "models" / "digits.onnx"), providers=["CPUExecutionProvider"])
    digits, readings, misread = 0, 0, []
    for file, five in zip(files, windows):
        scores = session.run(["scores"], {"digits": five})[0]
        found = "".join(map(str, scores.argmax(axis=1))) if five.any() else "-----"
        true = truth[file.stem]["reading"]
        digits += sum(a == b for a, b in zip(found, true))
        readings += found == true
        if found != true:
            misread.append(f"{file.name} shows {true}, read {found} with confidence {scores.max(axis=1).min():.3f}")
    return digits, readings, misread


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = Path(sys.argv[2]) if len(sys.argv) == 3 else HERE
    truth = json.loads((folder / "frames" / "truth.json").read_text())["frames"]
    worst = 1.0
    for kind, pattern in (("frames", "*.jpg"), ("frames-pgm", "*.pgm")):
        files = sorted((folder / kind).glob(pattern))
        digits, readings, misread = check(sys.argv[1], files, truth)
        print(f"{kind}: {readings} of {len(files)} readings, {digits} of {5 * len(files)} digits")
        for line in misread:
            print("  " + line)
        worst = min(worst, readings / len(files))
    if worst < REQUIRED:
        sys.exit(f"at least {REQUIRED:.0%} of the readings must be right")


if __name__ == "__main__":
    main()

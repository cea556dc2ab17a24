"""Writes the int8 variant of MobileNetV2, quantised as the meter reader's model is.

    python mobilenet_v2_int8.py mobilenet_v2.onnx mobilenet_v2.int8.onnx

Calibrated on seeded noise in [-1, 1), which is what the benchmarks feed it. It needs the packages of
`examples/meter-reader/requirements.txt`. The same file every time.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[2] / "examples" / "meter-reader"))
from quantise import to_int8

SEED, BATCHES, BATCH = 20180114, 4, 4

if __name__ == "__main__":
    random = np.random.default_rng(SEED)
    shape = (BATCH, 3, 224, 224)
    noise = [random.uniform(-1, 1, shape).astype(np.float32) for _ in range(BATCHES)]
    to_int8(Path(sys.argv[1]), Path(sys.argv[2]), noise)

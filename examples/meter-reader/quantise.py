"""Makes the variants of the digit classifier: `models/digits.int8.onnx` and `models/digits.fp16.onnx`.

Both take and give what `models/digits.onnx` does, f32 in and f32 out, so that one may stand in for the
other. int8 is ONNX Runtime's static quantisation, calibrated on the training part of the digits as a camera
might deliver them; fp16 is its conversion of weights and arithmetic. Scores stay exact to the last layer but
one: the softmax is computed in f32 everywhere, since what comes out of it is shown as a confidence.

Nothing is chosen by looking at the held-out part; it only judges, and the script fails below `REQUIRED`. The
same library versions write the same bytes.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers import float16
from onnxruntime.transformers.onnx_model import OnnxModel

SEED = 11
CALIBRATED_ON = 256
BATCH = 32
# All that a classifier is made of, but for the softmax.
QUANTISED = ["Add", "Clip", "Conv", "Flatten", "Gemm", "GlobalAveragePool", "MaxPool", "Relu"]


class Batches(CalibrationDataReader):
    """Hands out arrays as the one input of a model."""

    def __init__(self, name, arrays):
        self.left = iter([{name: array} for array in arrays])

    def get_next(self):
        return next(self.left, None)


def save(model, path):
    """Written beside and moved, so that a broken run leaves no half of a file."""
    # ONNX Runtime's tools name every operator set that they know; an older one refuses those that it does not.
    used = {node.domain for node in model.graph.node}
    imported = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(imported)
    onnx.checker.check_model(model, full_check=True)
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(model.SerializeToString(deterministic=True))
    beside.replace(path)


def to_int8(source, target, arrays):
    """Quantises the model at `source` with the ranges that `arrays`, inputs for it, show.

    Weights have seven bits: on processors that add products in pairs (AVX2), eight would overflow.
    """
    name = onnx.load(source).graph.input[0].name
    with tempfile.TemporaryDirectory() as folder:
        prepared, made = Path(folder) / "prepared.onnx", Path(folder) / "made.onnx"
        # Folds and infers shapes; its symbolic inference needs a package more and finds nothing here.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            prepared,
            made,
            Batches(name, arrays),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTISED,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        save(onnx.load(made), target)


def to_fp16(source, target):
    """Halves the model at `source`; inputs and outputs stay f32."""
    halved = OnnxModel(float16.convert_float_to_float16(onnx.load(source), keep_io_types=True))
    halved.topological_sort()  # the casts were put at the end
    save(halved.model, target)


def scores(path, windows):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["scores"], {"digits": windows})[0]


def main():
    # Only the digits need these; other models are quantised by the functions above alone.
    import digits
    from train import MODEL, REQUIRED, augment

    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--check", action="store_true", help="measure the files that are there; make none")
    check = arguments.parse_args().check
    int8, fp16 = MODEL.with_suffix(".int8.onnx"), MODEL.with_suffix(".fp16.onnx")
    images, _, held_out, labels = digits.split()
    if not check:
        rng = np.random.default_rng(SEED)
        seen = augment(images[rng.permutation(len(images))[:CALIBRATED_ON]], rng)[:, None]
        to_int8(MODEL, int8, [seen[start : start + BATCH] for start in range(0, len(seen), BATCH)])
        to_fp16(MODEL, fp16)

    windows = digits.plain(held_out)[:, None]
    exact = scores(MODEL, windows)
    failed = []
    for path in (MODEL, fp16, int8):
        found = scores(path, windows)
        reached = float((found.argmax(axis=1) == labels).mean())
        off = float(np.abs(found - exact).max())
        size = path.stat().st_size
        print(f"{path.name}: held-out accuracy {reached:.4f} on {len(labels)} digits, scores at most {off:.4f} off, {size} bytes")
        if reached < REQUIRED:
            failed.append(path.name)
    if failed:
        sys.exit(f"the held-out accuracy must be at least {REQUIRED}: {', '.join(failed)} may not be used")


if __name__ == "__main__":
    main()

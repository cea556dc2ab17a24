"""What is expected of a case, and the verdict on what a host made of it.

A host's verdict on a case is the worst of its interfaces':

- equal: every output has the bytes, type and dimensions that it has in Python;
- refused_type: an input or output is of a type that wasi-nn has no name for, and is refused;
- refused_both: ONNX Runtime refuses it in Python, too;
- refused: a refusal where Python has outputs that can be named;
- wrong: another output, or one where a refusal was expected;
- trapped: the guest did not come back;
- died: the host's process ended, or did not answer in time.
"""

from dataclasses import dataclass

import hosts
import reference
from tensors import Tensor

VERDICTS = ["equal", "refused_type", "refused_both", "refused", "wrong", "trapped", "died"]


@dataclass(frozen=True)
class Expected:
    """`verdict` is what a host without a fault has; `outputs`, where Python has some, each with
    whether it came out twice the same."""

    verdict: str
    reason: str
    inputs: list[Tensor]
    outputs: list[tuple[Tensor, bool]] | None = None

    def random(self):
        return self.outputs is not None and not all(same for _, same in self.outputs)


def expected(case):
    try:
        inputs, _ = reference.names_and_types(case.model)
    except reference.Refused as refused:
        return refusal(case, "refused_both", str(refused))
    strange = [tensor for tensor in case.inputs if not tensor.nameable()]
    strange = strange or [tensor for tensor in inputs if not tensor.nameable()]
    if strange:
        return refusal(case, "refused_type", f"input {strange[0].described()}")
    try:
        outputs, same = reference.run(case.model, case.inputs)
    except reference.Refused as refused:
        return refusal(case, "refused_both", str(refused))
    return Expected("equal", "", case.inputs, list(zip(outputs, same)))


def refusal(case, verdict, reason):
    """The host is given as many of the inputs as can be named."""
    return Expected(verdict, reason, [tensor for tensor in case.inputs if tensor.nameable()])


def judge(host, case, wanted):
    """The verdict and its reason."""
    results = [
        result(name, wanted, *host.run(index, case.model, wanted.inputs))
        for index, name in enumerate(host.interfaces)
    ]
    return max(results, key=lambda of: VERDICTS.index(of[0]))


def result(interface, wanted, kind, answer):
    if kind == hosts.DEATH:
        return "died", f"{interface}: {answer}"
    if kind == hosts.TRAP:
        return "trapped", f"{interface}: {answer}"
    if wanted.outputs is None:
        if kind == hosts.OUTPUTS:
            reason = f"has outputs where a refusal was expected ({wanted.reason})"
            return "wrong", f"{interface} {reason}"
        return wanted.verdict, wanted.reason
    if kind == hosts.FAULT:
        strange = [tensor for tensor, _ in wanted.outputs if not tensor.nameable()]
        if strange:
            return "refused_type", f"output {strange[0].described()}"
        return "refused", f"{interface} refused it: {answer}"
    nameable = [output for output in wanted.outputs if output[0].nameable()]
    found = [difference(nameable, run) for run in answer]
    differing = next((words for words in found if words), None)
    return ("wrong", f"{interface}: {differing}") if differing else ("equal", "")


def difference(wanted, came):
    """The first in which a run's outputs are not those wanted, in words."""
    if len(wanted) != len(came):
        return f"expected {len(wanted)} outputs, {len(came)} came"
    for (expected, reproducible), output in zip(wanted, came):
        if expected.described() != output.described():
            return f"expected {expected.described()}, {output.described()} came"
        if reproducible and expected.data != output.data:
            pairs = enumerate(zip(expected.data, output.data))
            at = next((place for place, (one, other) in pairs if one != other), None)
            return f"output {output.described()} differs from byte {at} on"
    return None

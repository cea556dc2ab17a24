"""Holds the sandbox against ONNX Runtime in Python, case by case, to the byte.

    python run.py [--json] [--sample N] [--models FOLDER] -- SERVER LIBRARY GUEST

The server is `tests/src/bin/conformance`. Each case goes through `wasi:nn`, `tollgate:nn` infer and
`prepared`, and has one verdict, the worst of the three:

- equal: every output has the bytes, type and dimensions that it has in Python;
- refused_type: an input or output is of a type that wasi-nn has no name for, and is refused;
- refused_both: ONNX Runtime refuses it in Python, too;
- wrong: another output, or a refusal where Python has none, or none where Python refuses;
- trapped: the guest did not come back, or the host died.

The table, or with `--json` one object, goes to standard output. It exits with 1 where a case is wrong
or trapped.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import onnx

import packages
import reference
import sandbox
import suite

VERDICTS = ["equal", "refused_type", "refused_both", "wrong", "trapped"]
# A reason is for a line of a table.
LONGEST = 300


def main():
    arguments = parse()
    cases = sample(suite.all_cases(), arguments.sample)
    if arguments.models:
        cases.extend(packages.package_cases(arguments.models))
    host = sandbox.Sandbox(arguments.command)
    if host.version != reference.version():
        raise SystemExit(
            f"expected one version of ONNX Runtime on both sides; the host has {host.version}, "
            f"Python {reference.version()}: pin both to one"
        )
    judged = [(case, *judge(host, case)) for case in cases]
    host.close()
    report = summary(judged)
    print(json.dumps(report, indent=2) if arguments.json else table(judged, report))
    return 1 if report["wrong"] or report["trapped"] else 0


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--models", type=Path)
    parser.add_argument("command", nargs=3)
    return parser.parse_args()


def sample(cases, count):
    """As many of them as asked for, evenly spread."""
    if count is None or count >= len(cases):
        return cases
    return [cases[place * len(cases) // count] for place in range(count)]


def judge(host, case):
    """The verdict, why, and whether elements were left out of the comparison."""
    try:
        inputs, outputs = reference.names_and_types(case.model)
    except reference.Refused as refused:
        return *worst(expect_refusal(host, case, "refused_both", str(refused))), False
    strange = [tensor for tensor in case.inputs if not tensor.nameable()]
    strange = strange or [tensor for tensor in inputs if not tensor.nameable()]
    if strange:
        why = f"input {strange[0].described()}"
        return *worst(expect_refusal(host, case, "refused_type", why)), False
    try:
        wanted, same = reference.run(case.model, case.inputs)
    except reference.Refused as refused:
        return *worst(expect_refusal(host, case, "refused_both", str(refused))), False
    results = []
    for index, interface in enumerate(sandbox.INTERFACES):
        kind, answer = host.run(index, case.model, case.inputs)
        nameable = [(tensor, same) for tensor, same in zip(wanted, same) if tensor.nameable()]
        if kind == sandbox.TRAP:
            results.append(("trapped", f"{interface}: {answer}"))
        elif kind == sandbox.FAULT and len(nameable) < len(wanted):
            strange = next(tensor for tensor in wanted if not tensor.nameable())
            results.append(("refused_type", f"output {strange.described()}"))
        elif kind == sandbox.FAULT:
            results.append(("wrong", f"{interface} refused it: {answer}"))
        else:
            found = [difference(nameable, run) for run in answer]
            differing = next((words for words in found if words), None)
            verdict = ("wrong", f"{interface}: {differing}") if differing else ("equal", "")
            results.append(verdict)
    return *worst(results), not all(same)


def expect_refusal(host, case, verdict, why):
    """As many of the inputs as can be named: none of the interfaces may make an output of them."""
    inputs = [tensor for tensor in case.inputs if tensor.nameable()]
    for index, interface in enumerate(sandbox.INTERFACES):
        kind, answer = host.run(index, case.model, inputs)
        if kind == sandbox.TRAP:
            yield "trapped", f"{interface}: {answer}"
        elif kind == sandbox.OUTPUTS:
            yield "wrong", f"{interface} has outputs where a refusal was expected ({why})"
        else:
            yield verdict, why


def worst(results):
    return max(results, key=lambda result: VERDICTS.index(result[0]))


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


def summary(judged):
    counts = Counter(verdict for _, verdict, _, _ in judged)
    listed = lambda wanted: [  # noqa: E731
        {"case": case.title(), "reason": cut(why)} for case, verdict, why, _ in judged if verdict == wanted
    ]
    return {
        "version": onnx.__version__,
        "onnxruntime": reference.version(),
        "total": len(judged),
        "equal": counts["equal"],
        "random": sum(random for *_, random in judged),
        "refused_type": counts["refused_type"],
        "refused_both": counts["refused_both"],
        "wrong": listed("wrong"),
        "trapped": listed("trapped"),
    }


def cut(text):
    """One line, without what a terminal would obey, of bounded length."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= LONGEST else line[:LONGEST] + "…"


def table(judged, report):
    lines = [f"{'kind':<20}" + "".join(f"{verdict:>14}" for verdict in [*VERDICTS, "total"])]
    kinds = sorted({case.kind for case, *_ in judged})
    for kind in [*kinds, "all"]:
        counts = Counter(
            verdict for case, verdict, *_ in judged if kind in (case.kind, "all")
        )
        numbers = [counts[verdict] for verdict in VERDICTS]
        cells = "".join(f"{number:>14}" for number in [*numbers, sum(numbers)])
        lines.append(f"{kind:<20}{cells}")
    lines.append("")
    lines.append(
        f"onnx {report['version']} on ONNX Runtime {report['onnxruntime']}; of the equal ones "
        f"{report['random']} have an output that is random, compared by type and dimensions"
    )
    for verdict in ["wrong", "trapped"]:
        for found in report[verdict]:
            lines.append(f"{verdict}: {found['case']}: {found['reason']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""Holds the sandbox against ONNX Runtime in Python, case by case, to the byte.

    python run.py [--json] [--sample N] [--models FOLDER] [--peer NAME PROGRAM]... -- SERVER LIBRARY GUEST

The server is `tests/src/bin/conformance`. Each case goes through `wasi:nn`, `tollgate:nn` infer and
`prepared`, and through `wasi:nn` of each peer, another host's server that is started with the same
library and guest. `verdicts.py` says what a verdict means. Of our own, a refusal where Python has
outputs counts as wrong, and a death as trapped: neither may be.

The table, or with `--json` one object, goes to standard output. It exits with 1 where a case of ours
is wrong or trapped, whatever becomes of the peers.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import onnx

import packages
import reference
import suite
from hosts import INTERFACES, Host
from verdicts import VERDICTS, expected, judge

# What a verdict on our own host counts as, where it is not itself.
OURS = {"refused": "wrong", "died": "trapped"}
COLUMNS = [verdict for verdict in VERDICTS if verdict not in OURS]
# A reason is for a line of a table.
LONGEST = 300


def main():
    arguments = parse()
    cases = sample(suite.all_cases(), arguments.sample)
    if arguments.models:
        cases.extend(packages.package_cases(arguments.models))
    host = start(arguments.command, INTERFACES, quiet=False)
    peers = {
        name: start([program, *arguments.command[1:]], INTERFACES[:1], quiet=True)
        for name, program in arguments.peer
    }
    judged, compared = [], {name: [] for name in peers}
    for case in cases:
        wanted = expected(case)
        verdict, why = judge(host, case, wanted)
        judged.append((case, OURS.get(verdict, verdict), why, wanted.random()))
        for name, peer in peers.items():
            compared[name].append((case, *judge(peer, case, wanted)))
    for each in [host, *peers.values()]:
        each.close()
    report = summary(judged)
    if peers:
        report["peers"] = {name: peer_summary(found) for name, found in compared.items()}
    print(json.dumps(report, indent=2) if arguments.json else table(judged, report))
    return 1 if report["wrong"] or report["trapped"] else 0


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--peer", nargs=2, action="append", default=[])
    parser.add_argument("command", nargs=3)
    return parser.parse_args()


def start(command, interfaces, quiet):
    host = Host(command, interfaces, quiet)
    if host.version != reference.version():
        raise SystemExit(
            f"expected one version of ONNX Runtime on all sides; `{command[0]}` has {host.version}, "
            f"Python {reference.version()}: pin both to one"
        )
    return host


def sample(cases, count):
    """As many of them as asked for, evenly spread."""
    if count is None or count >= len(cases):
        return cases
    return [cases[place * len(cases) // count] for place in range(count)]


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


def peer_summary(judged):
    """A count for each verdict, and each case that is neither equal nor rightly refused."""
    counts = Counter(verdict for _, verdict, _ in judged)
    fine = ["equal", "refused_type", "refused_both"]
    return {
        "total": len(judged),
        **{verdict: counts[verdict] for verdict in VERDICTS},
        "cases": [
            {"case": case.title(), "verdict": verdict, "reason": cut(why)}
            for case, verdict, why in judged
            if verdict not in fine
        ],
    }


def cut(text):
    """One line, without what a terminal would obey, of bounded length."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= LONGEST else line[:LONGEST] + "…"


def table(judged, report):
    lines = [row("kind", [*COLUMNS, "total"])]
    kinds = sorted({case.kind for case, *_ in judged})
    for kind in [*kinds, "all"]:
        counts = Counter(
            verdict for case, verdict, *_ in judged if kind in (case.kind, "all")
        )
        numbers = [counts[verdict] for verdict in COLUMNS]
        lines.append(row(kind, [*numbers, sum(numbers)]))
    lines.append("")
    lines.append(
        f"onnx {report['version']} on ONNX Runtime {report['onnxruntime']}; of the equal ones "
        f"{report['random']} have an output that is random, compared by type and dimensions"
    )
    if peers := report.get("peers"):
        counts = Counter(verdict for _, verdict, *_ in judged)
        lines += ["", row("verdict", ["tollgate", *peers])]
        for verdict in VERDICTS:
            lines.append(row(verdict, [counts[verdict], *(peer[verdict] for peer in peers.values())]))
        lines.append(row("total", [len(judged), *(peer["total"] for peer in peers.values())]))
    for verdict in ["wrong", "trapped"]:
        for found in report[verdict]:
            lines.append(f"{verdict}: {found['case']}: {found['reason']}")
    return "\n".join(lines)


def row(name, cells):
    return f"{name:<20}" + "".join(f"{cell:>14}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())

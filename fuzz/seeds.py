"""Writes the seeds that are programs or mixtures, into the corpora beside it.

    python seeds.py

What is found from them is merged into the same folders; the models and modules under `tests` are
seeds as well, where they lie. The instructions are those of `tests/guests/calls/src/interpreter.rs`.
"""

import struct
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"

# The places of functions in the tables of `tests/guests/calls/src/imports.rs`.
STANDARD = (
    "load init by_name graph_drop new dimensions ty data tensor_drop code error_data error_drop "
    "compute context_drop older_init older_by_name older_graph_drop older_new older_dimensions "
    "older_ty older_data older_tensor_drop older_code older_error_data older_error_drop set_input "
    "older_compute get_output older_context_drop"
).split()
TOLLGATE = (
    "load init by_name graph_drop code error_data error_drop describe infer prepare run run_one "
    "outputs prepared_drop"
).split()
PREVIEW1 = "load by_name init set_input compute get_output".split()

NAMES = "pair type-u8 nonzero lookup pass-open rows-fp32 a b x y sum count 0 1 input output".split()

FP32, U8, I64 = 1, 4, 6


def name(text):
    """Its address and its length."""
    return [0x50 + NAMES.index(text), len(text)]


def kept(place):
    return 0x40 + place


def arena(word):
    assert word % 4 == 0
    return 0x60 + word // 4


def store(word, *values):
    out = []
    for place, value in enumerate(values):
        out += [0x80 + word + place, value]
    return out


def take(word):
    return [0xE0, word]


def give(way):
    return [0xF0 + way]


class Calls:
    def __init__(self, functions):
        self.functions = functions

    def __call__(self, function, *arguments):
        return [self.functions.index(function), *arguments]


# Dimensions 3, 4; 3; 1, 3 and 4, 4; all data is the arena's own words from 32 on.
DIMENSIONS = store(16, 3, 4) + store(20, 1, 3) + store(24, 4, 4)
THREE_FOUR, THREE, ONE_THREE, FOUR_FOUR = (
    [arena(16), 2],
    [arena(16), 1],
    [arena(20), 2],
    [arena(24), 2],
)
DATA = arena(32)
OUT = arena(0)


def standard():
    call = Calls(STANDARD)
    pair = DIMENSIONS + call("by_name", *name("pair"), OUT) + take(1) + call("init", kept(0), OUT) + take(1)
    tensors = call("new", *THREE_FOUR, FP32, DATA, 48) + call("new", *THREE, I64, DATA, 24)
    inputs = store(64, *name("a"), kept(1), *name("b"), kept(0))
    compute = call("compute", kept(2), arena(64), 2, OUT)
    read = [byte for handle in range(1, 7) for byte in call("dimensions", handle, OUT) + call("data", handle, OUT)]
    yield "compute", [0] + pair + tensors + inputs + compute + read
    yield "compute-again", [0] + pair + tensors + inputs + compute + compute
    yield "compute-short", [0] + pair + tensors + inputs + call("compute", kept(2), arena(64), 1, OUT) + take(1) + call("code", kept(0)) + call("error_data", kept(0), OUT)
    yield "tensor-late", [0] + pair + tensors + call("tensor_drop", kept(0)) + inputs + compute
    for way in range(1, 9):
        yield f"memory-{way}", [0] + pair + tensors + inputs + give(way) + compute + read
    older = DIMENSIONS + call("older_by_name", *name("pair"), OUT) + take(1) + call("older_init", kept(0), OUT) + take(1)
    older += call("older_new", *THREE_FOUR, FP32, DATA, 48) + call("set_input", kept(1), *name("a"), kept(0), OUT)
    older += call("older_new", *THREE, I64, DATA, 24) + call("set_input", kept(2), *name("1"), kept(0), OUT)
    older += call("older_compute", kept(2), OUT)
    outputs = call("get_output", kept(2), *name("sum"), OUT) + take(1) + call("older_data", kept(0), OUT)
    yield "older", [0] + older + outputs
    yield "older-dropped", [0] + older + call("older_context_drop", kept(2)) + outputs
    yield "echo", [0] + DIMENSIONS + call("by_name", *name("pass-open"), OUT) + take(1) + call("init", kept(0), OUT) + take(1) + call("new", *FOUR_FOUR, FP32, DATA, 0xF5, 64) + store(64, *name("0"), kept(0)) + call("compute", kept(1), arena(64), 1, OUT) + call("data", 3, OUT)
    yield "load", [1] + call("load", 0, 1, 1, 0, OUT) + take(1) + call("init", kept(0), OUT) + take(1) + call("new", *THREE_FOUR, U8, DATA, 12)
    yield "load-halves", [1] + call("load", 0, 2, 1, 0, OUT) + take(1) + call("error_data", kept(0), OUT)
    yield "load-denied", [0] + store(64, 0xF3, 0xF4) + call("load", arena(64), 1, 1, 0, OUT) + take(1) + call("code", kept(0))
    yield "huge", [0] + call("new", OUT, 0xEF, FP32, 0xF0, 8) + call("by_name", 0xF2, 3, 0xEE, OUT)


def tollgate():
    call = Calls(TOLLGATE)
    pair = DIMENSIONS + call("by_name", *name("pair"), OUT) + take(1)
    inputs = store(64, 1, *name("a"), *THREE_FOUR, FP32, DATA, 48, 0, 0, 0, *THREE, I64, DATA, 24)
    infer = call("infer", kept(0), arena(64), 2, OUT)
    yield "infer", [2] + pair + call("describe", kept(0), OUT) + inputs + infer + infer
    expected = store(64, 1, *name("a"), *THREE_FOUR, FP32, 0, 0, 0, *THREE, I64)
    data = store(80, DATA, 48, DATA, 24)
    prepare = call("prepare", kept(0), arena(64), 2, OUT) + take(1)
    run = call("run", kept(0), arena(80), 2, OUT)
    yield "prepared", [2] + pair + expected + data + prepare + call("outputs", kept(0), OUT) + run + run + call("outputs", kept(0), OUT)
    yield "prepared-dropped", [2] + pair + expected + data + prepare + call("graph_drop", kept(1)) + run + call("prepared_drop", kept(0)) + run
    rows = DIMENSIONS + call("by_name", *name("rows-fp32"), OUT) + take(1)
    one = store(64, 0, 0, 0, *ONE_THREE, FP32) + call("prepare", kept(0), arena(64), 1, OUT) + take(1)
    yield "one", [2] + rows + one + call("run_one", kept(0), DATA, 12, OUT) + call("run_one", kept(0), 0xC1, 12, OUT)
    yield "one-short", [2] + rows + one + call("run_one", kept(0), DATA, 11, OUT) + take(1) + call("code", kept(0)) + call("error_data", kept(0), OUT)
    echo = DIMENSIONS + call("by_name", *name("pass-open"), OUT) + take(1)
    yield "echo", [2] + echo + store(64, 0, 0, 0, *FOUR_FOUR, FP32, DATA, 0xF5) + [64] + infer_one(call)
    unknown = call("by_name", *name("nonzero"), OUT) + take(1)
    yield "unknown-size", [2] + DIMENSIONS + unknown + store(64, 0, 0, 0, *THREE, FP32) + call("prepare", kept(0), arena(64), 1, OUT) + take(1) + call("run_one", kept(0), DATA, 12, OUT) + call("outputs", kept(0), OUT)
    for way in range(1, 9):
        yield f"memory-{way}", [2] + pair + inputs + give(way) + infer
    yield "load", [3] + call("load", 0, 1, 1, 0, OUT) + take(1) + call("describe", kept(0), OUT)


def infer_one(call):
    return call("infer", kept(0), arena(64), 1, OUT)


def preview1():
    call = Calls(PREVIEW1)
    pair = DIMENSIONS + call("by_name", *name("pair"), OUT) + take(0) + call("init", kept(0), OUT) + take(0)
    first = store(64, *THREE_FOUR, FP32, DATA, 48) + call("set_input", kept(0), 0, arena(64))
    second = store(64, *THREE, 5, DATA, 24) + call("set_input", kept(0), 1, arena(64))
    compute = call("compute", kept(0))
    read = call("get_output", kept(0), 0, arena(80), 0xF5, 64, OUT) + call("get_output", kept(0), 1, arena(80), 8, OUT)
    yield "compute", [0] + pair + first + second + compute + read
    yield "compute-early", [0] + pair + first + compute + read
    yield "no-room", [0] + pair + first + second + compute + call("get_output", kept(0), 0, arena(80), 1, OUT)
    yield "at-the-end", [0] + pair + call("set_input", kept(0), 0, 0xF0, 16) + call("get_output", 0, 0, 0xF0, 4, 0xF2, 1)
    yield "load", [1] + call("load", 0, 1, 1, 0, OUT) + take(0) + call("init", kept(0), OUT)
    yield "load-denied", [0] + store(64, 0xF3, 0xF4) + call("load", arena(64), 1, 1, 0, OUT)


TEXTS = {
    "settings": {
        "file": "fschema = 1\nworkers = 2\nfresh = true\nvariant = [\"int8\", \"m:fp16\"]\ndevice = \"cpu\"\nmode = \"latency\"\n"
        "threads = 3\noptimization = \"basic\"\nbatch = \"auto\"\nmax-batch = 8\nbatch-delay = \"2ms\"\nconfig = [\"a=b\"]\n"
        "logging = \"warn\"\nkeyvalue = [\"counts=/tmp/x.redb\"]\n",
        "file-other-time": "fschema = 2\n",
        "run": "crun\nplugin.wasm\n--model\nm=model.onnx\n--allow\nload\n--max-memory\n64MiB\n--deadline\n5s\nframes",
        "bench": "cbench\nplugin.wasm\n--concurrency\n1..8\n--rate\n0.5x\n--json",
        "tune": "ctune\nplugin.wasm\n--model\nm:int8=model.onnx\n--out\nx.toml",
        "inspect": "cinspect\n--json\nx.wasm",
        "size": "v256MiB",
        "duration": "v500ms",
        "model": "vname:int8=path/model.onnx",
        "dir": "v/data::/in",
        "rate": "v1.5x",
    },
    "truth": {
        "flat": '{"a": "01234", "b": {"reading": "99999", "more": 1}, "\u00fc.pgm": "5"}\0{"reading": "01234"}',
        "nested": '{"schema": 1, "frames": {"a": {"reading": "1"}, "b": "2"}}\0{"reading": "2", "x": [1]}',
        "failed": '{"a": "1"}',
        "compare": '{"compare": {"reading": {"by": "characters"}, "n": {"tolerance": 0.5}, "/p/0": {"output": "reading"}}, '
        '"frames": {"a": {"reading": "01", "n": [1, 2.5], "p": [true]}, "b": {"n": 3}}}\0{"reading": "02", "n": [1, 2], "p": [true]}',
        "only": '{"compare": {"n": {"tolerance": 0}}, "frames": {"a": 9007199254740993, "b": [[1], []]}}\0{"n": 9007199254740992.0}',
        "exact": '{"a": {"x": {"y": [1, null]}, "/z": 1e300}}\0{"x": {"y": [1.0, null]}, "z": 1e300}',
        "other": "[1, 2]",
    },
}

BYTES = {
    "bucket_file": {
        "nothing": [],
        "cut": [0xFF],
        "header": [0, 0, 0, 1, 9, 0, 0, 3],
        "page": [0, 16, 0, 0xFF, 64, 32, 0, 0x80],
    },
    "batcher": {
        "good": [seed for caller in range(16) for seed in (caller, caller % 5 + 1, 0, 7)],
        "faulty": [seed for caller in range(16) for seed in (caller, caller % 5 + 1, caller % 8, 7)],
        "late": [seed for caller in range(16) for seed in (caller, 2, 0, caller % 4)],
        "lookup": [seed for caller in range(16) for seed in (caller, 1, 64, 7)],
    },
}


DONE, FAILED = 0x746F6C6C, 0x6E6F


def text(value):
    return [len(value), *value.encode()]


def tensor(name, ty, dimensions, symbols=()):
    """A tensor as a helper describes it, in postcard's format."""
    sizes = [part for size in dimensions for part in ([0] if size is None else [1, size])]
    return [*text(name), 0, ty, len(dimensions), *sizes, len(symbols), *(b for one in symbols for b in text(one))]


def described(inputs, outputs, optional=()):
    lists = [part for outlets in (inputs, optional, outputs) for part in ([len(outlets)], *outlets)]
    flat = [byte for part in lists for byte in part]
    return [*text("cpu"), *flat, 1, 0, 0, 0, 0, 0, 1]


def message(kind, data):
    words = struct.pack("<II", kind, len(data)) + bytes(data)
    return words + bytes(-len(words) % 4)


def ran(*outputs):
    """An answer to a run: each output its place, type, dimensions and where it begins."""
    words = struct.pack("<IIIIff", DONE, len(outputs), 1, 0, 0, 4)
    for place, ty, dimensions, at in outputs:
        words += struct.pack("<II", place | ty << 16 | len(dimensions) << 24, at // 64)
        words += struct.pack(f"<{len(dimensions)}I", *dimensions)
    return words + bytes(range(256))


def answers():
    one = message(DONE, described([tensor("x", 1, [2])], [tensor("y", 1, [2])]))
    two = message(DONE, described([tensor("a", 4, [None, 3], ["n", ""])], [tensor("b", 4, [None]), tensor("c", 6, [])]))
    other = message(DONE, described([tensor("x", 1, [2])], [[*text("s"), 1], [*text("q"), 3, 1]]))
    refused = message(FAILED, [1, *text("no model")])
    for name, first, second in [
        ("runs", one, ran((0, 1, [2], 128))),
        ("another-size", one, ran((0, 1, [3], 128))),
        ("another-type", one, ran((0, 2, [2], 128))),
        ("beyond", one, ran((0, 1, [2], 1 << 30))),
        ("two", two, ran((0, 4, [5], 128), (1, 6, [], 192))),
        ("no-tensors", other, ran()),
        ("refuses", one, refused),
        ("does-not-load", refused, b""),
    ]:
        yield name, struct.pack("<H", len(first)) + first + second


def requests():
    head = struct.pack("<IIIQQ", 2, 0, 2, 2**64 - 1, 1 << 20)
    inputs = [struct.pack("<IIII", place | 1 << 16 | 2 << 24, place, 1, 3) for place in (0, 1)]
    placed = struct.pack("<IIII", 1 | 1 << 16 | 2 << 24, 1 << 31 | 1, 1, 3)
    yield "run", head + inputs[0] + inputs[1]
    yield "turned", head + inputs[1] + inputs[0]
    yield "placed", head + inputs[0] + placed
    yield "one", head + inputs[0]
    yield "echo", struct.pack("<I", 4)
    yield "load", message(1, [0, *text("g"), 16, 0, *text("cpu"), 0, *text("throughput"), 0, *text("all"), 1, 1, *text("off"), 1, 0, 0])


def main():
    programs = {"wasi_nn": standard, "tollgate_nn": tollgate, "preview1": preview1}
    for target, seeds in programs.items():
        for name, program in seeds():
            write(target, name, bytes(program))
    for target, seeds in {"helper_answer": answers, "helper_request": requests}.items():
        for name, data in seeds():
            write(target, name, data)
    for target, seeds in TEXTS.items():
        for name, text in seeds.items():
            write(target, name, text.encode())
    for target, seeds in BYTES.items():
        for name, values in seeds.items():
            write(target, name, bytes(values))


def write(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()

"""Makes the mistake that its frame names, or uses what its frame names."""

import sys

import tollgate


def divide(by: int) -> float:
    return 1 / by


def inferring(one: object) -> object:
    return tollgate.Graph.infer(None, one)  # Refused before the graph is looked at.


class Nested:
    def fail(self) -> None:
        {}["missing"]


class Odd(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def output(data: object, name: object = "said", content_type: object = "text/plain") -> list[tollgate.Output]:
    return [tollgate.Output(name, content_type, data)]


def late() -> list[tollgate.Output]:
    import json
    from datetime import datetime

    date = datetime.strptime("2026-01-02", "%Y-%m-%d")
    return output(json.dumps([date.day, "ä".encode("cp1252").decode("cp1252")]).encode())


def services() -> list[tollgate.Output]:
    least = tollgate.config("least")
    bucket = tollgate.Bucket.open("seen")
    count = bucket.increment("count", 2)
    tollgate.log(tollgate.Level.INFO, "services", f"counted to {count}")
    return output(f"{least} {count} {bucket.keys().keys}".encode())


async def waiting() -> list[tollgate.Output]:
    return []


def raising(error: BaseException) -> None:
    raise error


U8 = tollgate.TensorType.U8

DEEDS = {
    "late": late,
    "services": services,
    "bytearray": lambda: output(bytearray(b"taken")),
    "none": lambda: None,
    "text": lambda: output("text"),
    "wholly-text": lambda: "text",
    "single": lambda: output(b"")[0],
    "element": lambda: [None],
    "tuple": lambda: [("said", "text/plain", b"")],
    "name": lambda: output(b"", name=7),
    "type": lambda: output(b"", content_type=None),
    "surrogate": lambda: output(b"", name="\udc80"),
    "generator": lambda: (one for one in output(b"")),
    "async": waiting,
    "divide": lambda: divide(0),
    "lines": lambda: raising(ValueError("first\nsecond \x1b[31m")),
    "long": lambda: raising(ValueError("x" * 100_000)),
    "nested": lambda: Nested().fail(),
    "odd": lambda: raising(Odd()),
    "exit": lambda: sys.exit(3),
    "fault": lambda: raising(tollgate.InvalidFrame("half \udc80")),
    "infer-list": lambda: inferring(7),
    "infer-element": lambda: inferring([None]),
    "infer-size": lambda: inferring([tollgate.Input([1.5], U8, b"")]),
    "infer-negative": lambda: inferring([tollgate.Input([-1], U8, b"")]),
    "infer-type": lambda: inferring([tollgate.Input([1], "U8", b"")]),
    "infer-data": lambda: inferring([tollgate.Input([1], U8, "x")]),
    "graph": lambda: tollgate.Graph.load(7),
    "value": lambda: tollgate.Bucket.open("seen").set("key", "text"),
    "delta": lambda: tollgate.Bucket.open("seen").increment("key", 1.5),
    "level": lambda: tollgate.log("info", "", ""),
}


class Mistakes(tollgate.Plugin):
    def handle(self, frame: tollgate.Frame) -> list[tollgate.Output]:
        return DEEDS[frame.data.decode()]()


Handler = tollgate.export(Mistakes)

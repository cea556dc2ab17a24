"""Does with its configuration, its log and its buckets what its frame says, a command a line, and says
what came of each: the plugin of tests/guests/counter, in Python."""

import tollgate
from tollgate import Bucket, Level, StoreError, config, log


def keys(bucket: Bucket) -> str:
    found: list[str] = []
    cursor = None
    while True:
        page = bucket.keys(cursor)
        found += page.keys
        cursor = page.cursor
        if cursor is None:
            return ",".join(found)


def run(line: str) -> str:
    function, first, second, rest = (line.split(" ", 3) + [""] * 4)[:4]
    if function == "config":
        value = config(first)
        return "none" if value is None else value
    if function == "log":
        log(Level[first.upper()], second, rest)
        return "logged"
    bucket = Bucket.open(first)
    match function:
        case "get":
            value = bucket.get(second)
            return "none" if value is None else value.decode()
        case "set":
            bucket.set(second, rest.encode())
            return "set"
        case "delete":
            bucket.delete(second)
            return "deleted"
        case "exists":
            return str(bucket.exists(second)).lower()
        case "increment":
            return str(bucket.increment(second, int(rest)))
        case _:
            return keys(bucket)


def said(line: str) -> str:
    try:
        return run(line)
    except StoreError as error:
        return f"other: {error}" if error.code == "other" else error.code


class Counter(tollgate.Plugin):
    def handle(self, frame: tollgate.Frame) -> list[tollgate.Output]:
        lines = frame.data.decode().split("\n")
        text = "\n".join(map(said, lines))
        return [tollgate.Output("said", "text/plain", text.encode())]


Handler = tollgate.export(Counter)

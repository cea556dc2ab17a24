"""Tests a plugin that uses all services, without a host."""

import unittest

import tollgate
from tollgate import Tensor, TensorType, testing


class Counting(tollgate.Plugin):
    def __init__(self) -> None:
        self.graph = tollgate.Graph.load("double")
        self.bucket = tollgate.Bucket.open("seen")
        self.by = int(tollgate.config("by") or "1")

    def handle(self, frame: tollgate.Frame) -> list[tollgate.Output]:
        (doubled,) = self.graph.infer([tollgate.Input([1], TensorType.U8, frame.data)])
        count = self.bucket.increment("count", self.by)
        tollgate.log(tollgate.Level.WARN, "counting", f"to {count}")
        return [tollgate.Output("doubled", "", doubled.data)]


def double(inputs: list[tollgate.Input]) -> list[Tensor]:
    return [Tensor([1], TensorType.U8, bytes([2 * inputs[0].data[0]]))]


def failing(inputs: list[tollgate.Input]) -> list[Tensor]:
    raise tollgate.Error(tollgate.ErrorCode.TIMEOUT, "too slow")


class ServicesTest(unittest.TestCase):
    def test_all_of_them(self) -> None:
        offered = testing.Host(graphs={"double": double}, config={"by": "3"}, buckets={"seen": {"count": b"4"}})
        with offered as host:
            (output,) = Counting().handle(testing.frame(b"\x15"))
        self.assertEqual(output.data, b"\x2a")
        self.assertEqual(host.buckets, {"seen": {"count": b"7"}})
        (line,) = host.log
        self.assertEqual((line.level, line.context, line.message), (tollgate.Level.WARN, "counting", "to 7"))

    def test_what_is_refused(self) -> None:
        with testing.Host(), self.assertRaises(tollgate.Error) as missing:
            Counting()
        self.assertEqual(missing.exception.code, tollgate.ErrorCode.NOT_FOUND)
        with testing.Host(graphs={"double": double}), self.assertRaises(tollgate.StoreError) as ungranted:
            Counting()
        self.assertEqual(ungranted.exception.code, "no-such-store")
        with testing.Host(graphs={"double": failing}, buckets={"seen": {}}):
            plugin = Counting()
            with self.assertRaises(tollgate.Error) as slow:
                plugin.handle(testing.frame(b"\x01"))
        self.assertEqual(slow.exception.code, tollgate.ErrorCode.TIMEOUT)

"""Tests the whole plugin, with a host that the tests make up: no model runs."""

import unittest
from array import array
from collections.abc import Sequence

import app
import digit
import tollgate
from tollgate import testing


def seven(inputs: Sequence[tollgate.Input]) -> list[tollgate.Tensor]:
    """Answers for the graph: a seven, whatever the picture shows."""
    assert tuple(inputs[0].dimensions) == app.DIMENSIONS
    scores = array("f", [0.0] * 7 + [0.75] + [0.0] * 2)
    return [tollgate.Tensor([1, 10], tollgate.TensorType.FP32, scores.tobytes())]


class AppTest(unittest.TestCase):
    def setUp(self) -> None:
        # `config=` and `buckets=` offer more, and `log` has what the plugin logged.
        self.host = testing.Host(graphs={"digits": seven})
        self.host.__enter__()
        self.addCleanup(self.host.__exit__)
        self.plugin = app.Digits()

    def test_the_highest_score_is_handed_back(self) -> None:
        picture = digit.HEADER + bytes(digit.SIDE * digit.SIDE)
        (output,) = self.plugin.handle(testing.frame(picture))
        self.assertEqual((output.name, output.data), ("digit", b'{"digit":7,"confidence":0.750}'))

    def test_what_is_no_picture_is_the_frames_fault(self) -> None:
        with self.assertRaises(tollgate.InvalidFrame):
            self.plugin.handle(testing.frame(b"no picture"))


if __name__ == "__main__":
    unittest.main()

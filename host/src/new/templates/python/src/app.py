"""What digit a small grey picture shows.

A frame is a PGM picture of 16 x 16 pixels; the graph `digits` gives a score for each of the ten digits.
"""

import tollgate

import digit

DIMENSIONS = (1, 1, digit.SIDE, digit.SIDE)
"""Pictures, channels, rows, columns."""


class Digits(tollgate.Plugin):
    """The plugin, and what it keeps from frame to frame."""

    def __init__(self) -> None:
        # Before the first frame; not when the component is built.
        self.graph = tollgate.Graph.load("digits")

    def handle(self, frame: tollgate.Frame) -> list[tollgate.Output]:
        try:
            ink = digit.ink(frame.data)
        except ValueError as problem:
            raise tollgate.InvalidFrame(str(problem)) from problem
        (scores,) = self.graph.infer([tollgate.Input(DIMENSIONS, tollgate.TensorType.FP32, ink)])
        found, confidence = digit.best(scores.elements(tollgate.TensorType.FP32))
        json = f'{{"digit":{found},"confidence":{confidence:.3f}}}'
        return [tollgate.Output.json("digit", json)]


Handler = tollgate.export(Digits)

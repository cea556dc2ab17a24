"""Repeats one inference as often as a frame says: see tests/guests/repeat."""

from array import array

import tollgate


class Repeat(tollgate.Plugin):
    def __init__(self) -> None:
        self.graph = tollgate.Graph.load("mlp")
        self.context = self.graph.context()
        self.pixels = array("f", (place / 64 for place in range(64)))

    def handle(self, frame: tollgate.Frame) -> list[tollgate.Output]:
        if len(frame.data) != 2:
            raise tollgate.InvalidFrame(f"expected two bytes, got {len(frame.data)}")
        how, times = frame.data
        for _ in range(times):
            first = self._infer(how).elements(tollgate.TensorType.FP32)[0]
            self.pixels[0] = min(max(first, -1.0), 1.0)
        return [tollgate.Output("answer", "", self.pixels[:1].tobytes())]

    def _infer(self, how: int) -> tollgate.Tensor:
        wrong = how == ord("x")
        pixels = self.pixels[:1] if wrong else self.pixels
        dimensions = [1] if wrong else [1, 64]
        inputs = [tollgate.Input(dimensions, tollgate.TensorType.FP32, pixels)]
        if how == ord("c"):
            (output,) = self.context.compute(inputs).values()
        else:
            (output,) = self.graph.infer(inputs)
        return output


Handler = tollgate.export(Repeat)

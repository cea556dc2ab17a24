"""Reads the five-digit register of a mechanical meter from a camera's frame.

A frame is decoded (`picture`), the register is found and turned upright (`locate`), its digit windows
become one tensor (`normalize`), all five digits are classified in one inference on the graph `digits`,
and the scores become a reading (`reading`). This file only connects them. Whatever the bytes of a
frame are, it is a reading or a fault. The state is the last reading, which may be forgotten.
"""

from tollgate import Frame, Graph, Inference, Input, Output, Plugin, TensorType, export

from locate import DIGITS, locate
from normalize import SIDE, normalize
from picture import Picture
from reading import CLASSES, History, Reading

GRAPH = "digits"
"""Classifies digits: `digits` f32 [batch, 1, 16, 16] to `scores` f32 [batch, 10]."""

MOST_A_FRAME = 5000
"""A register that went further than this from one frame to the next was misread."""


class MeterReader(Plugin):
    def __init__(self) -> None:
        self.graph = Graph.load(GRAPH)
        self.history = History(MOST_A_FRAME)

    def handle(self, frame: Frame) -> list[Output]:
        try:
            reading = self.read(frame.data)
        except Exception:
            self.history.missed()
            raise
        plausible = self.history.judge(reading.value)
        return [Output.json("reading", reading.json(plausible))]

    def read(self, data: bytes) -> Reading:
        pixels = normalize(locate(Picture.decode(data)))
        digits = Input([DIGITS, 1, SIDE, SIDE], TensorType.FP32, pixels, name="digits")
        outputs = self.graph.infer([digits])
        if len(outputs) != 1:
            raise Inference(f"expected one output, got {len(outputs)}: check the model")
        scores = outputs[0].elements(TensorType.FP32)
        if len(scores) != DIGITS * CLASSES:
            raise Inference(
                f"expected {CLASSES} scores for each of {DIGITS} digits, got {len(scores)} in all: "
                "check the model"
            )
        return Reading.from_scores(scores)


Handler = export(MeterReader)

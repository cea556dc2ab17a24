"""Scores to a reading, and whether the reading can be true.

The confidence of a reading is the lowest probability among its digits: one doubtful digit makes a
doubtful reading. Plausible is what a register can have done since the last plausible reading: it goes
forward, over 99999 to 0 as well, and at most so far a frame. Two implausible readings in a row that agree
with each other become the new last reading, so that a first misreading does not make everything after it
implausible. Knows no pictures and no model, only probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

CLASSES = 10
"""Classes of the model, one a digit."""
REGISTER = 100_000
"""One more than the highest reading."""


class Digit(NamedTuple):
    digit: int
    """0 to 9."""
    confidence: float
    """0 to 1."""


@dataclass(frozen=True)
class Reading:
    """What the register shows."""

    digits: list[Digit]
    """From left to right."""

    @classmethod
    def from_scores(cls, scores: Sequence[float]) -> Reading:
        """From the model's output, [digits, CLASSES]."""
        digits = []
        for start in range(0, len(scores), CLASSES):
            best = Digit(0, 0.0)
            for digit, score in enumerate(scores[start : start + CLASSES]):
                # A score that is no number is below every other.
                if score > best.confidence:
                    best = Digit(digit, min(score, 1.0))
            digits.append(best)
        return cls(digits)

    @property
    def value(self) -> int:
        """The digits as one number."""
        return int("".join(str(digit) for digit, _ in self.digits))

    @property
    def confidence(self) -> float:
        """The lowest probability among the digits."""
        return min(confidence for _, confidence in self.digits)

    def json(self, plausible: bool) -> str:
        """One JSON object, with every confidence to four decimals, which `json.dumps` cannot do."""
        digits = ",".join(
            f'{{"digit":{digit},"confidence":{confidence:.4f}}}' for digit, confidence in self.digits
        )
        return (
            f'{{"reading":"{self.value:05}","value":{self.value},"confidence":{self.confidence:.4f},'
            f'"plausible":{str(plausible).lower()},"digits":[{digits}]}}'
        )


class History:
    """What was read before, and how far a register may go on in one frame."""

    def __init__(self, most_a_frame: int) -> None:
        self.most_a_frame = most_a_frame
        self.last: int | None = None
        self.doubted: int | None = None
        """The implausible reading of the frame before, if that is what it was."""
        self.frames = 0
        """Frames since `last` was read."""

    def missed(self) -> None:
        """Takes note of a frame that gave no reading."""
        self.frames += 1
        self.doubted = None

    def judge(self, value: int) -> bool:
        """Whether the register can have come to this value; the first reading always can."""
        self.frames += 1

        def follows(last: int, frames: int) -> bool:
            return (value - last) % REGISTER <= min(self.most_a_frame * frames, REGISTER // 2)

        plausible = self.last is None or follows(self.last, self.frames)
        confirmed = self.doubted is not None and follows(self.doubted, 1)
        if plausible or confirmed:
            self.last, self.frames, self.doubted = value, 0, None
        else:
            self.doubted = value
        return plausible

"""Tests what needs no host."""

import unittest

import digit


def draw(paper: int, ink: int) -> bytes:
    """A picture of paper with one pixel of ink."""
    pixels = bytearray([paper] * digit.SIDE * digit.SIDE)
    pixels[7] = ink
    return digit.HEADER + bytes(pixels)


class DigitTest(unittest.TestCase):
    def test_paper_is_zero_and_ink_is_one_in_any_light(self) -> None:
        for paper, dark in [(255, 0), (90, 40)]:
            with self.subTest(paper=paper):
                ink = digit.ink(draw(paper, dark))
                self.assertEqual((ink[7], ink[8]), (1, 0))

    def test_other_pictures_are_refused(self) -> None:
        for picture in [b"", b"P5\n8 8\n255\n", draw(200, 10)[:-1]]:
            with self.subTest(picture=picture[:12]), self.assertRaises(ValueError):
                digit.ink(picture)

    def test_the_highest_score_is_the_digit(self) -> None:
        self.assertEqual(digit.best([0.1, 0.0, 0.7, 0.2]), (2, 0.7))


if __name__ == "__main__":
    unittest.main()

// Each function that is exported here is a test, and fails at the first assertion that does not hold.

import { PIXELS, best, readInk, threeDigits } from "../src/digit";

const HEADER = "P5\n16 16\n255\n";

/** A picture of paper with one pixel of ink. */
function drawn(paper: u8, dark: u8): Uint8Array {
    const picture = new Uint8Array(HEADER.length + PIXELS).fill(paper);
    picture.set(Uint8Array.wrap(String.UTF8.encode(HEADER)));
    picture[HEADER.length + 7] = dark;
    return picture;
}

export function paperIsZeroAndInkIsOneInAnyLight(): void {
    const ink = new StaticArray<f32>(PIXELS);
    assert(readInk(drawn(255, 0), ink));
    assert(ink[7] == 1 && ink[8] == 0);
    assert(readInk(drawn(90, 40), ink));
    assert(ink[7] == 1 && ink[8] == 0);
}

export function otherPicturesAreRefused(): void {
    const ink = new StaticArray<f32>(PIXELS);
    const picture = drawn(200, 10);
    assert(!readInk(new Uint8Array(0), ink));
    assert(!readInk(picture.subarray(1), ink));
    picture[1] = 0x32;
    assert(!readInk(picture, ink));
}

export function theHighestScoreIsTheDigit(): void {
    assert(best([0.1, 0.0, 0.7, 0.2]) == 2);
}

export function confidencesHaveThreeDigits(): void {
    assert(threeDigits(1) == "1.000");
    assert(threeDigits(0.0625) == "0.062");
    assert(threeDigits(0.9996) == "1.000");
}

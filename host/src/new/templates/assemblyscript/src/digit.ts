/** What the plugin does without its host: a picture to the model's input, scores to a digit. */

/** What a picture begins with, `P5\n16 16\n255\n`; the pixels follow, row by row. */
const HEADER: StaticArray<u8> = [0x50, 0x35, 0x0a, 0x31, 0x36, 0x20, 0x31, 0x36, 0x0a, 0x32, 0x35, 0x35, 0x0a];

export const SIDE = 16;
export const PIXELS = SIDE * SIDE;

/**
 * Reads a PGM picture of 16 x 16 pixels as the model takes it: the darkest is 1, the lightest 0. False
 * where the bytes are no such picture.
 */
export function readInk(picture: Uint8Array, ink: StaticArray<f32>): bool {
    const start = HEADER.length;
    if (picture.length != start + PIXELS) return false;
    for (let i = 0; i < start; i++) if (picture[i] != HEADER[i]) return false;
    let darkest: u8 = 255;
    let lightest: u8 = 0;
    for (let i = 0; i < PIXELS; i++) {
        const pixel = picture[start + i];
        darkest = min(darkest, pixel);
        lightest = max(lightest, pixel);
    }
    const contrast = max<f32>(<f32>(lightest - darkest), 1);
    for (let i = 0; i < PIXELS; i++) ink[i] = <f32>(lightest - picture[start + i]) / contrast;
    return true;
}

/** The place of the highest of the scores. */
export function best(scores: StaticArray<f32>): i32 {
    let highest = 0;
    for (let i = 1; i < scores.length; i++) if (scores[i] > scores[highest]) highest = i;
    return highest;
}

/** A number between 0 and 1 with three digits behind its point. */
export function threeDigits(number: f32): string {
    const thousandths = <i32>nearest(number * 1000);
    return `${thousandths / 1000}.${(thousandths % 1000).toString().padStart(3, "0")}`;
}

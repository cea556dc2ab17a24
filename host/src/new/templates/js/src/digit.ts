/** What the plugin does without its host: a picture to the model's input, scores to a digit. */

export const SIDE = 16;

/** What a picture begins with, `P5\n16 16\n255\n` in ASCII; the pixels follow, row by row. */
export const HEADER = Uint8Array.from("P5\n16 16\n255\n", (letter) => letter.charCodeAt(0));

/**
 * Reads a PGM picture of 16 x 16 pixels as the model takes it: the darkest is 1, the lightest 0.
 *
 * @throws RangeError where the bytes are no such picture.
 */
export function ink(picture: Uint8Array): Float32Array {
    const pixels = picture.subarray(HEADER.length);
    if (!HEADER.every((byte, i) => picture[i] === byte) || pixels.length !== SIDE * SIDE)
        throw new RangeError("expected a PGM picture of 16 x 16 pixels");
    const lightest = Math.max(...pixels);
    const contrast = Math.max(lightest - Math.min(...pixels), 1);
    return Float32Array.from(pixels, (pixel) => (lightest - pixel) / contrast);
}

/** The place of the highest of the scores. */
export function best(scores: Float32Array): number {
    return scores.indexOf(Math.max(...scores));
}

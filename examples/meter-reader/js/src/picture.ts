/**
 * Bytes of a frame to a grey picture.
 *
 * Binary PGM, by its first bytes and by nothing else: the frame's content type is the sender's opinion.
 * Bounded by `MAX_SIDE` and `MAX_PIXELS`, both checked before anything of that size is allocated. Knows
 * nothing of meters.
 */

import { Fault } from "tollgate";

/** The longest side in pixels. A camera that looks at one register has no need of more. */
const MAX_SIDE = 4096;
/** The most pixels: 4 MiB of grey. */
const MAX_PIXELS = 4 << 20;
/** The shortest side in pixels on which five digits could still be told apart. */
const MIN_SIDE = 24;

/** A grey picture, one byte a pixel, rows without padding, white is 255. */
export class Picture {
    constructor(
        readonly width: number,
        readonly height: number,
        readonly luma: Uint8Array,
    ) {}

    /** One row; the first for anything above it, the last for anything below. */
    row(y: number): Uint8Array {
        const start = Math.min(Math.max(y, 0), this.height - 1) * this.width;
        return this.luma.subarray(start, start + this.width);
    }

    /** This picture at 1 / factor of its size, each pixel the mean of a square of `factor` a side. */
    shrunk(factor: number): Picture {
        const width = Math.floor(this.width / factor);
        const height = Math.floor(this.height / factor);
        const means = new Uint8Array(width * height);
        const sums = new Uint32Array(width);
        for (let y = 0; y < height; y++) {
            sums.fill(0);
            for (let down = 0; down < factor; down++) {
                const row = this.row(y * factor + down);
                for (let x = 0; x < width * factor; x++) sums[Math.floor(x / factor)] += row[x];
            }
            for (let x = 0; x < width; x++) means[y * width + x] = sums[x] / (factor * factor);
        }
        return new Picture(width, height, means);
    }
}

/** What is wrong with a picture of this size, if anything. */
export function sizeProblem(width: number, height: number): string | undefined {
    const fits = Math.min(width, height) >= MIN_SIDE && Math.max(width, height) <= MAX_SIDE;
    if (fits && width * height <= MAX_PIXELS) return undefined;
    return (
        `expected a picture of ${MIN_SIDE} to ${MAX_SIDE} pixels a side and ${MAX_PIXELS} in all, ` +
        `got ${width}x${height}: crop or scale it`
    );
}

/** The picture in the bytes of a frame, over those bytes where it can be. */
export function decode(bytes: Uint8Array): Picture {
    if (bytes[0] !== 0x50 || bytes[1] !== 0x35) {
        const found = bytes[0] === 0xff && bytes[1] === 0xd8 ? "a JPEG" : "something else";
        throw Fault.invalidFrame(
            `expected a binary PGM (P5), got ${found}: check what the camera sends`,
        );
    }
    const header = new Header(bytes, 2);
    const width = header.number();
    const height = header.number();
    const maximum = header.number();
    const problem = sizeProblem(width, height);
    if (problem !== undefined) throw Fault.invalidFrame(problem);
    const pixels = width * height;
    if (header.at === bytes.length) throw short(pixels, 0);
    if (!isSpace(bytes[header.at])) throw refused("no white space after its maximum");
    const luma = bytes.subarray(header.at + 1, header.at + 1 + pixels);
    if (luma.length < pixels) throw short(pixels, luma.length);
    if (maximum < 1 || maximum > 255) throw refused("another maximum");
    if (maximum === 255) return new Picture(width, height, luma);
    const scaled = luma.map((pixel) => Math.floor((Math.min(pixel, maximum) * 255) / maximum));
    return new Picture(width, height, scaled);
}

/** What comes before the pixels. */
class Header {
    constructor(
        private readonly bytes: Uint8Array,
        public at: number,
    ) {}

    /** Skips white space and comments, then reads one decimal number of up to nine digits. */
    number(): number {
        const { bytes } = this;
        while (bytes[this.at] === 0x23 || isSpace(bytes[this.at])) {
            const end = bytes[this.at] === 0x23 ? bytes.indexOf(0x0a, this.at) : this.at + 1;
            this.at = end < 0 ? bytes.length : end;
        }
        const start = this.at;
        let number = 0;
        while (bytes[this.at] >= 0x30 && bytes[this.at] <= 0x39)
            number = number * 10 + bytes[this.at++] - 0x30;
        if (this.at === start || this.at - start > 9)
            throw refused("a header without its three numbers");
        return number;
    }
}

function isSpace(byte: number | undefined): boolean {
    return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d;
}

function refused(what: string): Fault {
    return Fault.invalidFrame(
        `expected a binary PGM with 8 bits a pixel, got ${what}: write it as P5 with a maximum of 255`,
    );
}

function short(expected: number, got: number): Fault {
    return Fault.invalidFrame(`expected ${expected} pixels, got ${got}: check the transfer`);
}

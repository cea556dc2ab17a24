/**
 * Bytes of a frame to a grey picture.
 *
 * Binary PGM, by its first bytes and by nothing else. Bounded by `MAX_SIDE` and `MAX_PIXELS`, both checked
 * before anything of that size is allocated. Knows nothing of meters.
 */

/** The longest side in pixels. A camera that looks at one register has no need of more. */
const MAX_SIDE: u32 = 4096;
/** The most pixels: 4 MiB of grey. */
const MAX_PIXELS: u32 = 4 << 20;
/** The shortest side in pixels on which five digits could still be told apart. */
const MIN_SIDE: u32 = 24;

/** Says why there is nothing; what would have found something then gives null. */
export class Refusal {
    message: string = "";
}

/** A grey picture, one byte a pixel, rows without padding, white is 255. */
export class Picture {
    constructor(
        readonly width: i32,
        readonly height: i32,
        readonly luma: Uint8Array,
    ) {}

    /** Where a row begins: the first one's for anything above it, the last one's for anything below. */
    row(y: i32): i32 {
        return min(max(y, 0), this.height - 1) * this.width;
    }

    /** This picture at 1 / factor of its size, each pixel the mean of a square of `factor` a side. */
    shrunk(factor: i32): Picture {
        const width = this.width / factor;
        const height = this.height / factor;
        const means = new Uint8Array(width * height);
        const sums = new StaticArray<u32>(width);
        for (let y = 0; y < height; y++) {
            sums.fill(0);
            for (let down = 0; down < factor; down++) {
                let from = this.row(y * factor + down);
                for (let x = 0; x < width; x++)
                    for (let across = 0; across < factor; across++) sums[x] += this.luma[from++];
            }
            for (let x = 0; x < width; x++) means[y * width + x] = <u8>(sums[x] / (factor * factor));
        }
        return new Picture(width, height, means);
    }
}

/** What is wrong with a picture of this size; empty where nothing is. */
export function sizeProblem(width: u32, height: u32): string {
    const fits = min(width, height) >= MIN_SIDE && max(width, height) <= MAX_SIDE;
    if (fits && width * height <= MAX_PIXELS) return "";
    return (
        `expected a picture of ${MIN_SIDE} to ${MAX_SIDE} pixels a side and ${MAX_PIXELS} in all, ` +
        `got ${width}x${height}: crop or scale it`
    );
}

/** The picture in the bytes of a frame, over those bytes where it can be. */
export function decode(bytes: Uint8Array, refusal: Refusal): Picture | null {
    if (bytes.length < 2 || bytes[0] != 0x50 || bytes[1] != 0x35) {
        const isJpeg = bytes.length >= 2 && bytes[0] == 0xff && bytes[1] == 0xd8;
        const found = isJpeg ? "a JPEG" : "something else";
        refusal.message = `expected a binary PGM (P5), got ${found}: check what the camera sends`;
        return null;
    }
    const header = new Header(bytes, 2);
    const width = header.number();
    const height = width < 0 ? -1 : header.number();
    const maximum = height < 0 ? -1 : header.number();
    if (maximum < 0) return refused("a header without its three numbers", refusal);
    refusal.message = sizeProblem(width, height);
    if (refusal.message.length > 0) return null;
    const pixels = width * height;
    if (header.at == bytes.length) return short(pixels, 0, refusal);
    if (!isSpace(bytes[header.at])) return refused("no white space after its maximum", refusal);
    const start = header.at + 1;
    const there = min(bytes.length - start, pixels);
    if (there < pixels) return short(pixels, there, refusal);
    if (maximum < 1 || maximum > 255) return refused("another maximum", refusal);
    const luma = bytes.subarray(start, start + pixels);
    if (maximum == 255) return new Picture(width, height, luma);
    const scaled = new Uint8Array(pixels);
    for (let place = 0; place < pixels; place++)
        scaled[place] = <u8>((min(<i32>luma[place], maximum) * 255) / maximum);
    return new Picture(width, height, scaled);
}

/** What comes before the pixels. */
class Header {
    constructor(
        private readonly bytes: Uint8Array,
        public at: i32,
    ) {}

    /** Skips white space and comments, then reads one decimal number of up to nine digits; -1 for none. */
    number(): i32 {
        const bytes = this.bytes;
        while (this.at < bytes.length && (bytes[this.at] == 0x23 || isSpace(bytes[this.at]))) {
            if (bytes[this.at++] != 0x23) continue;
            while (this.at < bytes.length && bytes[this.at] != 0x0a) this.at++;
        }
        const start = this.at;
        let number = 0;
        while (this.at < bytes.length && isDigit(bytes[this.at]) && this.at - start < 10)
            number = number * 10 + bytes[this.at++] - 0x30;
        const digits = this.at - start;
        return digits == 0 || digits > 9 ? -1 : number;
    }
}

function isDigit(byte: u8): bool {
    return byte >= 0x30 && byte <= 0x39;
}

function isSpace(byte: u8): bool {
    return byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0c || byte == 0x0d;
}

function refused(what: string, refusal: Refusal): Picture | null {
    refusal.message = `expected a binary PGM with 8 bits a pixel, got ${what}: write it as P5 with a maximum of 255`;
    return null;
}

function short(expected: i32, got: i32, refusal: Refusal): Picture | null {
    refusal.message = `expected ${expected} pixels, got ${got}: check the transfer`;
    return null;
}

/**
 * The plate: the largest dark shape that is much wider than high, and how it lies in the picture.
 *
 * Dark pixels are gathered into runs of one row, runs that touch into shapes. The plate's upper and lower
 * edges are fitted to the outermost dark pixels of its columns, leaving out those that other dark things
 * stick to; its ends are medians. Bounded by the number of runs, at most half a picture's pixels.
 *
 * Numbers are rounded to 32-bit floats after each step, so that all languages read the same digits.
 */

const { abs, fround, max, min, sqrt } = Math;

/** A plate's least width, as a part of the picture's. */
const LEAST_WIDTH = fround(0.3);
/** Bounds of width over height. */
const LEAST_PROPORTION = 2;
const MOST_PROPORTION = 9;
/** The steepest slope that is still read: about 12 degrees. */
const STEEPEST = fround(0.21);
/** Edge pixels further than this from the fitted line, in pixels, do not belong to it. */
const STRAY = 1.5;

/** A rectangle that may be turned a little. Lengths are in pixels, along its own axes. */
export interface Plate {
    /** The middle, from the picture's upper left corner. */
    centreX: number;
    centreY: number;
    width: number;
    height: number;
    /** Pixels down for each pixel to the right. */
    slope: number;
}

/** A stretch of dark pixels in one row: columns `start` to `end`, without `end`. */
interface Run {
    y: number;
    start: number;
    end: number;
    shape: number;
}

/** A shape: its runs in the order of their rows, its pixels and the box around it. */
class Shape {
    readonly runs: Run[] = [];
    pixels = 0;
    left = Infinity;
    right = 0;

    add(run: Run) {
        this.runs.push(run);
        this.pixels += run.end - run.start;
        this.left = min(this.left, run.start);
        this.right = max(this.right, run.end);
    }

    get wide(): number {
        return this.right - this.left;
    }

    get high(): number {
        return this.runs[this.runs.length - 1].y + 1 - this.runs[0].y;
    }

    couldBePlate(least: number): boolean {
        const { wide, high } = this;
        return wide >= least && high >= 12 && wide >= high && this.pixels * 6 >= wide * high;
    }
}

/** Finds the plate among the dark pixels of a picture of this width. */
export function findPlate(dark: Uint8Array, width: number): Plate | undefined {
    const shapes = new Map<number, Shape>();
    for (const run of findRuns(dark, width)) {
        let shape = shapes.get(run.shape);
        if (shape === undefined) shapes.set(run.shape, (shape = new Shape()));
        shape.add(run);
    }
    const least = Math.floor(fround(width * LEAST_WIDTH));
    let found: Shape | undefined;
    for (const [, shape] of [...shapes].sort(([a], [b]) => a - b))
        if (shape.couldBePlate(least) && shape.pixels >= (found?.pixels ?? 0)) found = shape;
    return found && lie(found);
}

/** All runs, each with the number of its shape. */
function findRuns(dark: Uint8Array, width: number): Run[] {
    const runs: Run[] = [];
    // For each shape, the shape that it was found to be a part of; itself where there is none.
    const parents: number[] = [];
    const root = (shape: number) => {
        // Parents have smaller numbers, so this ends.
        while (parents[shape] < shape) shape = parents[shape];
        return shape;
    };
    let above = 0;
    for (let y = 0; y < dark.length / width; y++) {
        const row = dark.subarray(y * width, (y + 1) * width);
        const first = runs.length;
        for (let start = row.indexOf(1); start >= 0; ) {
            let end = row.indexOf(0, start);
            if (end < 0) end = width;
            // Runs of the row above that end before this one starts touch nothing further right either.
            while (above < first && runs[above].end <= start) above++;
            let shape: number | undefined;
            for (let place = above; place < first && runs[place].start < end; place++) {
                const other = root(runs[place].shape);
                const joined = min(shape ?? other, other);
                parents[shape ?? other] = joined;
                parents[other] = joined;
                shape = joined;
            }
            shape ??= parents.push(parents.length) - 1;
            runs.push({ y, start, end, shape });
            start = row.indexOf(1, end);
        }
        above = first;
    }
    for (const run of runs) run.shape = root(run.shape);
    return runs;
}

/** A line by its value at the picture's left edge and its slope. */
interface Line {
    at: number;
    slope: number;
}

/** How the plate lies. */
function lie(shape: Shape): Plate | undefined {
    const edges = findEdges(shape);
    if (edges === undefined) return undefined;
    const [upper, lower] = edges;
    const slope = fround(upper.slope + lower.slope) / 2;
    if (abs(slope) > STEEPEST || abs(fround(upper.slope - lower.slope)) > STEEPEST / 2)
        return undefined;

    // The ends, measured along the plate.
    const cosine = fround(1 / fround(sqrt(fround(1 + fround(slope * slope)))));
    const sine = fround(slope * cosine);
    const along = (x: number, y: number) => fround(fround(x * cosine) + fround((y + 0.5) * sine));
    const { runs } = shape;
    const lefts = runs.filter((run, place) => run.y !== runs[place - 1]?.y);
    const rights = runs.filter((run, place) => run.y !== runs[place + 1]?.y);
    const left = median(lefts.map((run) => along(run.start, run.y)));
    const right = median(rights.map((run) => along(run.end, run.y)));

    const width = fround(right - left);
    const height = fround(fround(lower.at - upper.at) * cosine);
    const proportion = fround(width / height);
    if (!(proportion >= LEAST_PROPORTION && proportion <= MOST_PROPORTION)) return undefined;
    // Back from along the plate to the picture: the middle lies on the line halfway between the edges.
    const halfway = fround(lower.at + upper.at) / 2;
    const middle = fround(fround(left + right) / 2 - fround(halfway * sine));
    const centreX = fround(middle / fround(cosine + fround(slope * sine)));
    const centreY = fround(halfway + fround(slope * centreX));
    return { centreX, centreY, width, height, slope };
}

/**
 * The upper and the lower edge of a shape. Rounded corners and the slanted ends are no part of them.
 */
function findEdges({ runs, left, wide }: Shape): [Line, Line] | undefined {
    const tops = new Float32Array(wide).fill(Infinity);
    const bottoms = new Float32Array(wide).fill(-Infinity);
    for (const { y, start, end } of runs)
        for (let x = start - left; x < end - left; x++) {
            if (y < tops[x]) tops[x] = y;
            bottoms[x] = y + 1;
        }
    const skip = Math.floor(wide / 10);
    const upper = fit(tops.subarray(skip, wide - skip), left + skip);
    const lower = fit(bottoms.subarray(skip, wide - skip), left + skip);
    return upper && lower && [upper, lower];
}

/**
 * The line through the points (first + place + 0.5, value). Fitted three times, each time without the
 * points that the line before left lying far off.
 */
function fit(values: Float32Array, first: number): Line | undefined {
    let at = 0;
    let slope = 0;
    // 32-bit floats by being kept in an array of them.
    const sums = new Float32Array(4);
    for (const allowed of [Infinity, 3 * STRAY, STRAY]) {
        sums.fill(0);
        let n = 0;
        for (let x = 0; x < values.length; x++) {
            const y = values[x];
            if (!(abs(y) < 1e6)) continue;
            if (allowed < Infinity) {
                const off = fround(fround(y - at) - fround(slope * x));
                if (!(abs(off) <= allowed)) continue;
            }
            n += 1;
            sums[0] += x;
            sums[1] += y;
            sums[2] += x * x;
            sums[3] += x * y;
        }
        const [sx, sy, sxx, sxy] = sums;
        const spread = fround(fround(n * sxx) - fround(sx * sx));
        if (n < 8 || spread <= 0) return undefined;
        slope = fround(fround(fround(n * sxy) - fround(sx * sy)) / spread);
        at = fround(fround(sy - fround(slope * sx)) / n);
    }
    return { at: fround(at - fround(slope * (first + 0.5))), slope };
}

function median(values: number[]): number {
    values.sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)];
}

/**
 * The plate: the largest dark shape that is much wider than high, and how it lies in the picture.
 *
 * Dark pixels are gathered into runs of one row, runs that touch into shapes. The plate's upper and lower
 * edges are fitted to the outermost dark pixels of its columns, leaving out those that other dark things
 * stick to; its ends are medians. Bounded by the number of runs, at most half a picture's pixels.
 */

/** A plate's least width, as a part of the picture's. */
const LEAST_WIDTH: f32 = 0.3;
/** Bounds of width over height. */
const LEAST_PROPORTION: f32 = 2.0;
const MOST_PROPORTION: f32 = 9.0;
/** The steepest slope that is still read: about 12 degrees. */
const STEEPEST: f32 = 0.21;
/** Edge pixels further than this from the fitted line, in pixels, do not belong to it. */
const STRAY: f32 = 1.5;
/** Every distance is allowed. */
const ANY: f32 = f32.MAX_VALUE;
/** An edge where there is none; no picture has as many rows. */
const NOWHERE = i32.MAX_VALUE;

/** A rectangle that may be turned a little. Lengths are in pixels, along its own axes. */
export class Plate {
    constructor(
        /** The middle, from the picture's upper left corner. */
        readonly centreX: f32,
        readonly centreY: f32,
        readonly width: f32,
        readonly height: f32,
        /** Pixels down for each pixel to the right. */
        readonly slope: f32,
    ) {}
}

/** A stretch of dark pixels in one row: columns `start` to `end`, without `end`. */
class Run {
    constructor(
        readonly y: i32,
        readonly start: i32,
        readonly end: i32,
        public shape: i32,
    ) {}
}

/** A shape: its runs in the order of their rows, its pixels and the box around it. */
class Shape {
    readonly runs: Run[] = [];
    pixels: i32 = 0;
    left: i32 = i32.MAX_VALUE;
    right: i32 = 0;

    add(run: Run): void {
        this.runs.push(run);
        this.pixels += run.end - run.start;
        this.left = min(this.left, run.start);
        this.right = max(this.right, run.end);
    }

    get wide(): i32 {
        return this.right - this.left;
    }

    get high(): i32 {
        return this.runs[this.runs.length - 1].y + 1 - this.runs[0].y;
    }

    couldBePlate(least: i32): bool {
        if (this.pixels == 0) return false;
        const wide = this.wide;
        const high = this.high;
        return wide >= least && high >= 12 && wide >= high && this.pixels * 6 >= wide * high;
    }
}

/** Finds the plate among the dark pixels of a picture of this width. */
export function findPlate(dark: Uint8Array, width: i32): Plate | null {
    const runs = findRuns(dark, width);
    const shapes: Shape[] = [];
    for (let place = 0; place < runs.length; place++) {
        const run = runs[place];
        while (shapes.length <= run.shape) shapes.push(new Shape());
        shapes[run.shape].add(run);
    }
    const least = <i32>(<f32>width * LEAST_WIDTH);
    let found: Shape | null = null;
    for (let place = 0; place < shapes.length; place++) {
        const shape = shapes[place];
        if (!shape.couldBePlate(least)) continue;
        if (!found || shape.pixels >= found.pixels) found = shape;
    }
    return found ? lie(found) : null;
}

/** All runs, each with the number of its shape. */
function findRuns(dark: Uint8Array, width: i32): Run[] {
    const runs: Run[] = [];
    // For each shape, the shape that it was found to be a part of; itself where there is none.
    const parents: i32[] = [];
    let above = 0;
    for (let y = 0, row = 0; row < dark.length; y++, row += width) {
        const first = runs.length;
        for (let start = next(dark, row, 0, width, 1); start < width; ) {
            const end = next(dark, row, start, width, 0);
            // Runs of the row above that end before this one starts touch nothing further right either.
            while (above < first && runs[above].end <= start) above++;
            let shape = -1;
            for (let place = above; place < first && runs[place].start < end; place++) {
                const other = root(parents, runs[place].shape);
                const joined = shape < 0 ? other : min(shape, other);
                if (shape >= 0) parents[shape] = joined;
                parents[other] = joined;
                shape = joined;
            }
            if (shape < 0) {
                shape = parents.length;
                parents.push(shape);
            }
            runs.push(new Run(y, start, end, shape));
            start = next(dark, row, end, width, 1);
        }
        above = first;
    }
    for (let place = 0; place < runs.length; place++) {
        const run = runs[place];
        run.shape = root(parents, run.shape);
    }
    return runs;
}

/** The next column from `x` on with this value, in the row that begins at `row`; `width` where none has. */
function next(dark: Uint8Array, row: i32, x: i32, width: i32, value: u8): i32 {
    while (x < width && unchecked(dark[row + x]) != value) x++;
    return x;
}

/** The shape that this one is in the end a part of. Parents have smaller numbers, so this ends. */
function root(parents: i32[], shape: i32): i32 {
    while (parents[shape] < shape) shape = parents[shape];
    return shape;
}

/** A line by its value at the picture's left edge and its slope. */
class Line {
    constructor(
        readonly at: f32,
        readonly slope: f32,
    ) {}
}

/** How the plate lies. */
function lie(shape: Shape): Plate | null {
    const wide = shape.wide;
    const runs = shape.runs;
    const tops = new StaticArray<i32>(wide).fill(NOWHERE);
    const bottoms = new StaticArray<i32>(wide).fill(NOWHERE);
    for (let place = 0; place < runs.length; place++) {
        const run = runs[place];
        for (let x = run.start - shape.left; x < run.end - shape.left; x++) {
            tops[x] = min(tops[x], run.y);
            bottoms[x] = run.y + 1;
        }
    }
    // Rounded corners and the slanted ends are no part of the edges.
    const skip = wide / 10;
    const first = <f32>(shape.left + skip);
    const upper = fit(tops, skip, first);
    const lower = fit(bottoms, skip, first);
    if (!upper || !lower) return null;
    const slope = (upper.slope + lower.slope) / 2;
    if (abs(slope) > STEEPEST || abs(upper.slope - lower.slope) > STEEPEST / 2) return null;

    // The ends, measured along the plate.
    const cosine: f32 = 1 / sqrt<f32>(1 + slope * slope);
    const sine = slope * cosine;
    const lefts: f32[] = [];
    const rights: f32[] = [];
    for (let place = 0; place < runs.length; place++) {
        const run = runs[place];
        const down = (<f32>run.y + 0.5) * sine;
        if (place == 0 || runs[place - 1].y != run.y) lefts.push(<f32>run.start * cosine + down);
        if (place + 1 == runs.length || runs[place + 1].y != run.y)
            rights.push(<f32>run.end * cosine + down);
    }
    const left = median(lefts);
    const right = median(rights);

    const width = right - left;
    const height = (lower.at - upper.at) * cosine;
    const proportion = width / height;
    if (!(proportion >= LEAST_PROPORTION && proportion <= MOST_PROPORTION)) return null;
    // Back from along the plate to the picture: the middle lies on the line halfway between the edges.
    const halfway = (lower.at + upper.at) / 2;
    const x = ((left + right) / 2 - halfway * sine) / (cosine + slope * sine);
    return new Plate(x, halfway + slope * x, width, height, slope);
}

/**
 * The line through the points (first + place + 0.5, value), without `skip` places at either end. Fitted
 * three times, each time without the points that the line before left lying far off.
 */
function fit(values: StaticArray<i32>, skip: i32, first: f32): Line | null {
    let at: f32 = 0;
    let slope: f32 = 0;
    for (let turn = 0; turn < 3; turn++) {
        const allowed = turn == 0 ? ANY : turn == 1 ? 3 * STRAY : STRAY;
        let n: f32 = 0;
        let sx: f32 = 0;
        let sy: f32 = 0;
        let sxx: f32 = 0;
        let sxy: f32 = 0;
        for (let place = skip; place < values.length - skip; place++) {
            if (values[place] == NOWHERE) continue;
            const x = <f32>(place - skip);
            const y = <f32>values[place];
            if (turn > 0 && !(abs(y - at - slope * x) <= allowed)) continue;
            n += 1;
            sx += x;
            sy += y;
            sxx += x * x;
            sxy += x * y;
        }
        const spread = n * sxx - sx * sx;
        if (n < 8 || spread <= 0) return null;
        slope = (n * sxy - sx * sy) / spread;
        at = (sy - slope * sx) / n;
    }
    return new Line(at - slope * (first + 0.5), slope);
}

function median(values: f32[]): f32 {
    values.sort();
    return values[values.length / 2];
}

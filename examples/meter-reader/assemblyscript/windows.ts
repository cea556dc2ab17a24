/**
 * The digit windows of an upright plate.
 *
 * A column that crosses a window has something light in it, ink or no ink, since the ink never fills a
 * window from its upper to its lower edge; a column between two windows has nothing light. The same goes
 * for rows. So the windows are stretches of the columns' and rows' maxima, and five of them in an even row
 * are a register.
 */

import { Picture, Refusal } from "./picture";

/** Digits of a register. */
export const DIGITS = 5;
/** The strip's outermost rows may show what lies beside the plate: this part of its height is left out. */
const RIM = 9;
/** A centre may be this far from where an even row has it, as a part of the distance of two. */
const UNEVEN: f32 = 0.12;
/** A window's width may differ this much from the median of the five, as a part of it. */
const ODD: f32 = 0.3;

/** Where a digit is, in pixels of the strip. */
export class Window {
    constructor(
        readonly left: i32,
        readonly top: i32,
        readonly width: i32,
        readonly height: i32,
    ) {}
}

/** Places from `start` to `end`, without `end`. */
class Stretch {
    constructor(
        readonly start: i32,
        public end: i32,
    ) {}
}

/** Five windows in a row: the distance of two centres, the first one's centre, their width. */
class Row {
    constructor(
        readonly pitch: f32,
        readonly first: f32,
        readonly wide: f32,
    ) {}
}

/** Finds the windows. */
export function findWindows(strip: Picture, refusal: Refusal): StaticArray<Window> | null {
    const across = columnMaxima(strip);
    const found = stretches(across, strip.width / DIGITS, 2, max(strip.width / 40, 3));
    const row = even(found, refusal);
    if (!row) return null;

    const lefts = new StaticArray<i32>(DIGITS);
    for (let place = 0; place < DIGITS; place++) {
        const left = row.first + row.pitch * <f32>place - row.wide / 2;
        lefts[place] = max(<i32>floor<f32>(left + 0.5), 0);
    }
    const width = <i32>floor<f32>(row.wide + 0.5);
    const rows = stretches(rowMaxima(strip, lefts, width), strip.height, 2, strip.height / 3);
    const middle = strip.height / 2;
    for (let place = 0; place < rows.length; place++) {
        const start = rows[place].start;
        const end = rows[place].end;
        if (start > middle || end <= middle) continue;
        if (lefts[DIGITS - 1] + width > strip.width) break;
        const windows: Window[] = [];
        for (let digit = 0; digit < DIGITS; digit++)
            windows.push(new Window(lefts[digit], start, width, end - start));
        return StaticArray.fromArray(windows);
    }
    uneven(refusal);
    return null;
}

function uneven(refusal: Refusal): void {
    refusal.message = `expected ${DIGITS} digit windows in an even row, found an uneven one: check what covers the register`;
}

/** The lightest of each column, without the rim. */
function columnMaxima(strip: Picture): Uint8Array {
    const luma = strip.luma;
    const across = new Uint8Array(strip.width);
    const rim = strip.height / RIM;
    for (let y = rim; y < strip.height - rim; y++) {
        const row = strip.row(y);
        for (let x = 0; x < across.length; x++)
            unchecked((across[x] = max(unchecked(across[x]), unchecked(luma[row + x]))));
    }
    return across;
}

/** For each row the lightest pixel of each window's columns, and of these five the third. */
function rowMaxima(strip: Picture, lefts: StaticArray<i32>, wide: i32): Uint8Array {
    const luma = strip.luma;
    const down = new Uint8Array(strip.height);
    const most = new Uint8Array(DIGITS);
    for (let y = 0; y < strip.height; y++) {
        const row = strip.row(y);
        most.fill(0);
        for (let place = 0; place < DIGITS; place++) {
            if (lefts[place] + wide > strip.width) continue;
            const end = row + lefts[place] + wide;
            let lightest: u8 = 0;
            for (let x = row + lefts[place]; x < end; x++)
                lightest = max(lightest, unchecked(luma[x]));
            most[place] = lightest;
        }
        most.sort();
        down[y] = most[2];
    }
    return down;
}

/** Stretches of light places, of at least `least`; gaps of up to `gap` do not part them. */
function stretches(profile: Uint8Array, reach: i32, gap: i32, least: i32): Stretch[] {
    const found: Stretch[] = [];
    let last: Stretch | null = null;
    for (let place = 0; place < profile.length; place++) {
        if (!isLighter(profile, reach, place)) continue;
        if (last && place <= last.end + gap) {
            last.end = place + 1;
            continue;
        }
        last = new Stretch(place, place + 1);
        found.push(last);
    }
    const kept: Stretch[] = [];
    for (let place = 0; place < found.length; place++)
        if (found[place].end - found[place].start >= least) kept.push(found[place]);
    return kept;
}

/** Whether a place is nearer to the lightest than to the darkest of those within `reach`. */
function isLighter(profile: Uint8Array, reach: i32, place: i32): bool {
    let darkest: i32 = 255;
    let lightest: i32 = 0;
    const end = min(place + reach + 1, profile.length);
    for (let near = max(place - reach, 0); near < end; near++) {
        const value = <i32>unchecked(profile[near]);
        darkest = min(darkest, value);
        lightest = max(lightest, value);
    }
    return lightest > darkest + 20 && <i32>profile[place] * 2 > darkest + lightest;
}

/** The row that the stretches are, where they are an even one. */
function even(found: Stretch[], refusal: Refusal): Row | null {
    if (found.length != DIGITS) {
        refusal.message =
            `expected a register of ${DIGITS} digit windows, found ${found.length}: ` +
            "check the light and the focus";
        return null;
    }
    const widths = new StaticArray<i32>(DIGITS);
    const centres = new StaticArray<f32>(DIGITS);
    for (let place = 0; place < DIGITS; place++) {
        const stretch = found[place];
        widths[place] = stretch.end - stretch.start;
        centres[place] = <f32>(stretch.start + stretch.end) / 2;
    }
    widths.sort();
    const wide = <f32>widths[2];
    // Least squares over places -2 to 2.
    const pitch = ((centres[4] - centres[0]) * 2 + (centres[3] - centres[1])) / 10;
    const sum = centres[0] + centres[1] + centres[2] + centres[3] + centres[4];
    const first = sum / 5 - pitch * 2;
    let off = false;
    for (let place = 0; place < DIGITS; place++)
        if (abs(centres[place] - first - pitch * <f32>place) > UNEVEN * pitch) off = true;
    const odd = <f32>widths[0] < wide * (1 - ODD) || <f32>widths[4] > wide * (1 + ODD);
    if (off || odd || wide > pitch) {
        uneven(refusal);
        return null;
    }
    return new Row(pitch, first, wide);
}

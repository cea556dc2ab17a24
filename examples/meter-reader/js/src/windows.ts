/**
 * The digit windows of an upright plate.
 *
 * A column that crosses a window has something light in it, ink or no ink, since the ink never fills a
 * window from its upper to its lower edge; a column between two windows has nothing light. The same goes
 * for rows. So the windows are stretches of the columns' and rows' maxima, and five of them in an even row
 * are a register.
 */

import { Fault } from "tollgate";

import type { Picture } from "./picture.js";

const { abs, floor, fround, max, min } = Math;

/** Digits of a register. */
export const DIGITS = 5;
/** The strip's outermost rows may show what lies beside the plate: this part of its height is left out. */
const RIM = 9;
/** A centre may be this far from where an even row has it, as a part of the distance of two. */
const UNEVEN = fround(0.12);
/** A window's width may differ this much from the median of the five, as a part of it. */
const ODD = fround(0.3);

/** Where a digit is, in pixels of the strip. */
export interface Window {
    left: number;
    top: number;
    width: number;
    height: number;
}

/** Places from `start` to `end`, without `end`. */
interface Stretch {
    start: number;
    end: number;
}

/** Finds the windows. */
export function findWindows(strip: Picture): Window[] {
    const across = columnMaxima(strip);
    const least = max(floor(strip.width / 40), 3);
    const found = stretches(across, floor(strip.width / DIGITS), 2, least);
    const { pitch, first, wide } = even(found);

    const lefts = [0, 1, 2, 3, 4].map((place) => {
        const centre = fround(first + fround(pitch * place));
        return max(floor(fround(centre - wide / 2) + 0.5), 0);
    });
    const width = floor(wide + 0.5);
    const down = rowMaxima(strip, lefts, width);
    const middle = floor(strip.height / 2);
    const rows = stretches(down, strip.height, 2, floor(strip.height / 3));
    const row = rows.find(({ start, end }) => start <= middle && middle < end);
    if (row === undefined || lefts[DIGITS - 1] + width > strip.width) throw uneven();
    return lefts.map((left) => ({ left, top: row.start, width, height: row.end - row.start }));
}

function uneven(): Fault {
    return Fault.invalidFrame(
        `expected ${DIGITS} digit windows in an even row, found an uneven one: check what covers the register`,
    );
}

/** The lightest of each column, without the rim. */
function columnMaxima(strip: Picture): Uint8Array {
    const across = new Uint8Array(strip.width);
    const rim = floor(strip.height / RIM);
    for (let y = rim; y < strip.height - rim; y++) {
        const row = strip.row(y);
        for (let x = 0; x < row.length; x++) if (row[x] > across[x]) across[x] = row[x];
    }
    return across;
}

/** For each row the lightest pixel of each window's columns, and of these five the third. */
function rowMaxima(strip: Picture, lefts: number[], wide: number): Uint8Array {
    const down = new Uint8Array(strip.height);
    for (let y = 0; y < strip.height; y++) {
        const row = strip.row(y);
        const most = new Uint8Array(DIGITS);
        lefts.forEach((left, place) => {
            const end = left + wide;
            if (end > row.length) return;
            for (let x = left; x < end; x++) if (row[x] > most[place]) most[place] = row[x];
        });
        down[y] = most.sort()[2];
    }
    return down;
}

/** Whether a place is nearer to the lightest than to the darkest of those within `reach`. */
function lighter(profile: Uint8Array, reach: number, place: number): boolean {
    let darkest = 255;
    let lightest = 0;
    const end = min(place + reach + 1, profile.length);
    for (let near = max(place - reach, 0); near < end; near++) {
        const value = profile[near];
        if (value < darkest) darkest = value;
        if (value > lightest) lightest = value;
    }
    return lightest > darkest + 20 && profile[place] * 2 > darkest + lightest;
}

/** Stretches of light places, of at least `least`; gaps of up to `gap` do not part them. */
function stretches(profile: Uint8Array, reach: number, gap: number, least: number): Stretch[] {
    const found: Stretch[] = [];
    for (let place = 0; place < profile.length; place++) {
        if (!lighter(profile, reach, place)) continue;
        const last = found[found.length - 1];
        if (last !== undefined && place <= last.end + gap) last.end = place + 1;
        else found.push({ start: place, end: place + 1 });
    }
    return found.filter(({ start, end }) => end - start >= least);
}

/** The distance of two windows' centres, the first one's centre and their width. */
function even(found: Stretch[]): { pitch: number; first: number; wide: number } {
    if (found.length !== DIGITS)
        throw Fault.invalidFrame(
            `expected a register of ${DIGITS} digit windows, found ${found.length}: ` +
                "check the light and the focus",
        );
    const widths = found.map(({ start, end }) => end - start).sort((a, b) => a - b);
    const [narrowest, , wide, , widest] = widths;
    // Least squares over places -2 to 2; halves of small whole numbers, which add up exactly.
    const centres = found.map(({ start, end }) => (start + end) / 2);
    const [a, b, c, d, e] = centres;
    const pitch = fround((2 * (e - a) + (d - b)) / 10);
    const first = fround(fround((a + b + c + d + e) / 5) - fround(2 * pitch));
    const off = centres.some((centre, place) => {
        const distance = fround(fround(centre - first) - fround(pitch * place));
        return abs(distance) > fround(UNEVEN * pitch);
    });
    const odd =
        narrowest < fround(wide * fround(1 - ODD)) || widest > fround(wide * fround(1 + ODD));
    if (off || odd || wide > pitch) throw uneven();
    return { pitch, first, wide };
}

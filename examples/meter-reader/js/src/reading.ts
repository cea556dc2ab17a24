/**
 * Scores to a reading, and whether the reading can be true.
 *
 * The confidence of a reading is the lowest probability among its digits: one doubtful digit makes a
 * doubtful reading. Plausible is what a register can have done since the last plausible reading: it goes
 * forward, over 99999 to 0 as well, and at most so far a frame. Two implausible readings in a row that
 * agree with each other become the new last reading, so that a first misreading does not make everything
 * after it implausible. Knows no pictures and no model, only probabilities.
 */

/** Classes of the model, one a digit. */
export const CLASSES = 10;
/** One more than the highest reading. */
const REGISTER = 100_000;

interface Digit {
    /** 0 to 9. */
    digit: number;
    /** 0 to 1. */
    confidence: number;
}

/** What the register shows. */
export class Reading {
    /** From left to right. */
    constructor(readonly digits: Digit[]) {}

    /** From the model's output, [digits, CLASSES]. */
    static fromScores(scores: Float32Array): Reading {
        const digits: Digit[] = [];
        for (let start = 0; start < scores.length; start += CLASSES) {
            let best = { digit: 0, confidence: 0 };
            scores.subarray(start, start + CLASSES).forEach((score, digit) => {
                // A score that is no number is below every other.
                if (score > best.confidence) best = { digit, confidence: Math.min(score, 1) };
            });
            digits.push(best);
        }
        return new Reading(digits);
    }

    /** The digits as one number. */
    get value(): number {
        return this.digits.reduce((value, { digit }) => value * 10 + digit, 0);
    }

    /** The lowest probability among the digits. */
    get confidence(): number {
        return Math.min(...this.digits.map(({ confidence }) => confidence));
    }

    /** One JSON object, with every confidence to four decimals, which `JSON.stringify` cannot do. */
    json(plausible: boolean): string {
        const { value } = this;
        const digits = this.digits.map(
            ({ digit, confidence }) => `{"digit":${digit},"confidence":${fixed(confidence)}}`,
        );
        return (
            `{"reading":"${String(value).padStart(this.digits.length, "0")}","value":${value},` +
            `"confidence":${fixed(this.confidence)},"plausible":${plausible},"digits":[${digits}]}`
        );
    }
}

/**
 * Four decimals of a 32-bit float between 0 and 1, ties to even, as the other languages print them;
 * `toFixed` takes ties up.
 */
function fixed(value: number): string {
    // Exact: 24 bits by 14.
    const scaled = value * 10_000;
    let whole = Math.floor(scaled);
    const rest = scaled - whole;
    if (rest > 0.5 || (rest === 0.5 && whole % 2 === 1)) whole++;
    return `${Math.floor(whole / 10_000)}.${String(whole % 10_000).padStart(4, "0")}`;
}

/** What was read before, and how far a register may go on in one frame. */
export class History {
    private last: number | undefined;
    /** The implausible reading of the frame before, if that is what it was. */
    private doubted: number | undefined;
    /** Frames since `last` was read. */
    private frames = 0;

    constructor(private readonly mostAFrame: number) {}

    /** Takes note of a frame that gave no reading. */
    missed(): void {
        this.frames++;
        this.doubted = undefined;
    }

    /** Whether the register can have come to this value; the first reading always can. */
    judge(value: number): boolean {
        this.frames++;
        const follows = (last: number, frames: number) =>
            (value + REGISTER - last) % REGISTER <= Math.min(this.mostAFrame * frames, REGISTER / 2);
        const plausible = this.last === undefined || follows(this.last, this.frames);
        const confirmed = this.doubted !== undefined && follows(this.doubted, 1);
        if (plausible || confirmed) {
            this.last = value;
            this.frames = 0;
            this.doubted = undefined;
        } else {
            this.doubted = value;
        }
        return plausible;
    }
}

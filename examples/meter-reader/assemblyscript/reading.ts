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
/** No reading. */
const NONE = -1;

class Digit {
    constructor(
        /** 0 to 9. */
        readonly digit: i32,
        /** 0 to 1. */
        readonly confidence: f32,
    ) {}
}

/** What the register shows. */
export class Reading {
    /** From left to right. */
    constructor(readonly digits: Digit[]) {}

    /** From the model's output, [digits, CLASSES]. */
    static fromScores(scores: StaticArray<f32>): Reading {
        const digits: Digit[] = [];
        for (let start = 0; start < scores.length; start += CLASSES) {
            let digit = 0;
            let confidence: f32 = 0;
            for (let place = 0; place < CLASSES; place++) {
                const score = scores[start + place];
                // A score that is no number is below every other.
                if (!(score > confidence)) continue;
                digit = place;
                confidence = min<f32>(score, 1);
            }
            digits.push(new Digit(digit, confidence));
        }
        return new Reading(digits);
    }

    /** The digits as one number. */
    get value(): i32 {
        let value = 0;
        for (let place = 0; place < this.digits.length; place++)
            value = value * 10 + this.digits[place].digit;
        return value;
    }

    /** The lowest probability among the digits. */
    get confidence(): f32 {
        let least: f32 = 1;
        for (let place = 0; place < this.digits.length; place++)
            least = min(least, this.digits[place].confidence);
        return least;
    }

    /** One JSON object. */
    json(plausible: bool): string {
        const digits: string[] = [];
        for (let place = 0; place < this.digits.length; place++) {
            const one = this.digits[place];
            digits.push(`{"digit":${one.digit},"confidence":${fixed(one.confidence)}}`);
        }
        const value = this.value;
        const reading = value.toString().padStart(this.digits.length, "0");
        return (
            `{"reading":"${reading}","value":${value},"confidence":${fixed(this.confidence)},` +
            `"plausible":${plausible},"digits":[${digits.join(",")}]}`
        );
    }
}

/** Four decimals of a number between 0 and 1. */
function fixed(value: f32): string {
    const parts = <i32>(<f64>value * 10_000 + 0.5);
    return `${parts / 10_000}.${(parts % 10_000).toString().padStart(4, "0")}`;
}

/** What was read before, and how far a register may go on in one frame. */
export class History {
    private last: i32 = NONE;
    /** The implausible reading of the frame before, if that is what it was. */
    private doubted: i32 = NONE;
    /** Frames since `last` was read. */
    private frames: i64 = 0;

    constructor(private readonly mostAFrame: i32) {}

    /** Takes note of a frame that gave no reading. */
    missed(): void {
        this.frames++;
        this.doubted = NONE;
    }

    /** Whether the register can have come to this value; the first reading always can. */
    judge(value: i32): bool {
        this.frames++;
        const plausible = this.last == NONE || this.follows(value, this.last, this.frames);
        const confirmed = this.doubted != NONE && this.follows(value, this.doubted, 1);
        if (plausible || confirmed) {
            this.last = value;
            this.frames = 0;
            this.doubted = NONE;
        } else {
            this.doubted = value;
        }
        return plausible;
    }

    private follows(value: i32, last: i32, frames: i64): bool {
        const step = (value + REGISTER - last) % REGISTER;
        return <i64>step <= min<i64>(<i64>this.mostAFrame * frames, REGISTER / 2);
    }
}

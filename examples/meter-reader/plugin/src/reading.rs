//! Scores to a reading, and whether the reading can be true.
//!
//! The confidence of a reading is the lowest probability among its digits: one doubtful digit makes a doubtful
//! reading. Plausible is what a register can have done since the last plausible reading: it goes forward, over
//! 99999 to 0 as well, and at most so far a frame. Two implausible readings in a row that agree with each other
//! become the new last reading, so that a first misreading does not make everything after it implausible. The
//! state is two numbers and a count. Knows no pictures and no model, only probabilities.

use std::fmt::{self, Write};

use crate::locate::DIGITS;

/// Classes of the model, one a digit.
pub const CLASSES: usize = 10;
/// One more than the highest reading.
const REGISTER: u32 = 10u32.pow(DIGITS as u32);

/// One digit and the probability that the model gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Digit {
    /// 0 to 9.
    pub digit: u8,
    /// 0 to 1.
    pub confidence: f32,
}

/// What the register shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// From left to right.
    pub digits: [Digit; DIGITS],
}

impl Reading {
    /// From the model's output, f32 [DIGITS, CLASSES]; nothing where there are not that many scores.
    pub fn from_scores(scores: &[f32]) -> Option<Self> {
        if scores.len() != DIGITS * CLASSES {
            return None;
        }
        let mut digits = [Digit {
            digit: 0,
            confidence: 0.0,
        }; DIGITS];
        for (digit, scores) in digits.iter_mut().zip(scores.chunks_exact(CLASSES)) {
            // A score that is no number is below every other.
            for (class, &score) in (0u8..).zip(scores) {
                if score > digit.confidence {
                    *digit = Digit {
                        digit: class,
                        confidence: score.min(1.0),
                    };
                }
            }
        }
        Some(Self { digits })
    }

    /// The digits as one number.
    pub fn value(&self) -> u32 {
        self.digits
            .iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit.digit))
    }

    /// The lowest probability among the digits.
    pub fn confidence(&self) -> f32 {
        self.digits
            .iter()
            .fold(1.0, |least, digit| least.min(digit.confidence))
    }

    /// One JSON object: `reading` with its leading zeros, `value`, `confidence`, `plausible`, `digits`.
    pub fn json(&self, plausible: bool) -> String {
        let value = self.value();
        let mut json = String::with_capacity(320);
        // Writing to a string does not fail.
        let _ = write!(
            json,
            r#"{{"reading":"{value:0DIGITS$}","value":{value},"confidence":{},"plausible":{plausible},"digits":["#,
            Parts(self.confidence())
        );
        for (place, digit) in self.digits.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let _ = write!(
                json,
                r#"{comma}{{"digit":{},"confidence":{}}}"#,
                digit.digit,
                Parts(digit.confidence)
            );
        }
        json.push_str("]}");
        json
    }
}

/// A number of 0 to 1 with four decimals. Whole numbers are written much faster than floats.
struct Parts(f32);

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = (f64::from(self.0) * 10_000.0 + 0.5) as u32;
        write!(f, "{}.{:04}", parts / 10_000, parts % 10_000)
    }
}

/// What was read before, and how far a register may go on in one frame.
#[derive(Debug, Clone)]
pub struct History {
    most_a_frame: u32,
    last: Option<u32>,
    /// The implausible reading of the frame before, if that is what it was.
    doubted: Option<u32>,
    /// Frames since `last` was read.
    frames: u32,
}

impl History {
    /// No reading yet; a register goes on by at most `most_a_frame` from one frame to the next.
    pub fn new(most_a_frame: u32) -> Self {
        Self {
            most_a_frame,
            last: None,
            doubted: None,
            frames: 0,
        }
    }

    /// Takes note of a frame that gave no reading.
    pub fn missed(&mut self) {
        self.frames = self.frames.saturating_add(1);
        self.doubted = None;
    }

    /// Whether the register can have come to this value; the first reading always can.
    pub fn judge(&mut self, value: u32) -> bool {
        self.frames = self.frames.saturating_add(1);
        let follows = |last: u32, frames: u32| {
            let step = (value + REGISTER - last % REGISTER) % REGISTER;
            step <= self.most_a_frame.saturating_mul(frames).min(REGISTER / 2)
        };
        let plausible = self.last.is_none_or(|last| follows(last, self.frames));
        let confirmed = self.doubted.is_some_and(|doubted| follows(doubted, 1));
        if plausible || confirmed {
            self.last = Some(value);
            self.frames = 0;
            self.doubted = None;
        } else {
            self.doubted = Some(value);
        }
        plausible
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(digits: [usize; DIGITS], confidence: f32) -> Vec<f32> {
        let mut scores = vec![(1.0 - confidence) / 9.0; DIGITS * CLASSES];
        for (place, digit) in digits.into_iter().enumerate() {
            scores[place * CLASSES + digit] = confidence;
        }
        scores
    }

    #[test]
    fn a_reading_is_as_sure_as_its_least_sure_digit() {
        let mut scores = scores([0, 1, 2, 3, 4], 0.99);
        scores[2 * CLASSES + 2] = 0.6;
        let reading = Reading::from_scores(&scores).unwrap();
        assert_eq!((reading.value(), reading.confidence()), (1234, 0.6));
        assert_eq!(
            reading.json(true),
            r#"{"reading":"01234","value":1234,"confidence":0.6000,"plausible":true,"digits":[{"digit":0,"confidence":0.9900},{"digit":1,"confidence":0.9900},{"digit":2,"confidence":0.6000},{"digit":3,"confidence":0.9900},{"digit":4,"confidence":0.9900}]}"#
        );
    }

    #[test]
    fn odd_scores_give_a_doubtful_reading_or_none() {
        assert_eq!(Reading::from_scores(&[0.1; 49]), None);
        for score in [f32::NAN, f32::NEG_INFINITY] {
            let reading = Reading::from_scores(&[score; 50]).unwrap();
            assert_eq!(reading.confidence(), 0.0);
        }
        let reading = Reading::from_scores(&[f32::INFINITY; 50]).unwrap();
        assert_eq!(reading.confidence(), 1.0);
    }

    #[test]
    fn a_register_goes_forward_and_not_too_far() {
        let mut history = History::new(500);
        for (value, plausible) in [
            (1000, true),
            (1400, true),
            (1400, true),
            (1399, false),
            (1500, true),
            (2100, false),
            (2400, true),
        ] {
            assert_eq!(history.judge(value), plausible, "{value}");
        }
    }

    #[test]
    fn frames_without_a_reading_count_as_time() {
        let mut history = History::new(500);
        assert!(history.judge(1000));
        history.missed();
        assert!(history.judge(2000));
        assert!(!history.judge(2501));
    }

    #[test]
    fn a_register_may_run_over() {
        let mut history = History::new(500);
        assert!(history.judge(99900));
        assert!(history.judge(100));
        assert!(!history.judge(99900));
    }

    #[test]
    fn two_readings_that_agree_replace_a_wrong_first_one() {
        let mut history = History::new(500);
        assert!(history.judge(71234));
        assert!(!history.judge(1234));
        assert!(!history.judge(1300), "doubted once, now confirmed");
        assert!(history.judge(1400));
    }
}

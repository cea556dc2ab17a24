//! How long a worker needs for one frame of a deployment, learnt from earlier frames.
//!
//! A smoothed mean and a smoothed deviation, as TCP keeps for its round trips: two numbers without
//! a history, in which recent frames count most. Pure arithmetic on nanoseconds.

/// The weight of the newest frame in the mean: an eighth.
const MEAN_SHIFT: u32 = 3;

/// The weight of the newest frame in the deviation: a quarter.
const DEVIATION_SHIFT: u32 = 2;

/// A frame counts as at most this multiple of the mean. One frame that the machine delayed must not
/// cause the next ones to be refused. If frames really became longer, a few of them are enough to
/// learn that.
const OUTLIER: u64 = 4;

/// What was learnt about the service time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Service {
    known: Option<Known>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    mean: u64,
    deviation: u64,
}

impl Service {
    /// Learns from a frame that took this long.
    pub fn learn(&mut self, took_ns: u64) {
        let took = took_ns.min(u64::MAX / 8);
        self.known = Some(match self.known {
            None => Known {
                mean: took,
                deviation: took / 2,
            },
            Some(Known { mean, deviation }) => {
                let took = took.min(mean.saturating_mul(OUTLIER).max(OUTLIER));
                Known {
                    mean: mean - (mean >> MEAN_SHIFT) + (took >> MEAN_SHIFT),
                    deviation: deviation - (deviation >> DEVIATION_SHIFT)
                        + (took.abs_diff(mean) >> DEVIATION_SHIFT),
                }
            }
        });
    }

    /// The average time of a frame in nanoseconds; `None` before the first.
    pub fn mean(&self) -> Option<u64> {
        Some(self.known?.mean)
    }

    /// A time that most frames stay below, in nanoseconds: one deviation above the mean.
    pub fn likely(&self) -> Option<u64> {
        let Known { mean, deviation } = self.known?;
        Some(mean.saturating_add(deviation))
    }

    /// A time that frames hardly ever exceed, in nanoseconds: two deviations above the mean.
    pub fn surely(&self) -> Option<u64> {
        let Known { mean, deviation } = self.known?;
        Some(mean.saturating_add(deviation.saturating_mul(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_settles_on_what_frames_take() {
        let mut service = Service::default();
        assert_eq!((service.mean(), service.surely()), (None, None));
        for _ in 0..100 {
            service.learn(1_000_000);
        }
        assert_eq!(service.mean(), Some(1_000_000));
        assert!(service.surely().unwrap() < 1_010_000);
        for _ in 0..40 {
            service.learn(3_000_000);
        }
        assert!(service.mean().unwrap() > 2_900_000);
    }

    #[test]
    fn a_frame_that_was_held_up_does_not_speak_for_the_others() {
        let mut service = Service::default();
        for _ in 0..50 {
            service.learn(1_000_000);
        }
        service.learn(1_000_000_000);
        assert!(service.surely().unwrap() < 4_000_000, "{service:?}");
        for _ in 0..50 {
            service.learn(1_000_000_000);
        }
        assert!(service.mean().unwrap() > 500_000_000, "{service:?}");
    }

    #[test]
    fn what_varies_is_given_room() {
        let mut service = Service::default();
        for turn in 0..200 {
            service.learn(if turn % 2 == 0 { 500_000 } else { 1_500_000 });
        }
        assert!(service.surely().unwrap() > 1_700_000, "{service:?}");
        assert!(service.likely() > service.mean() && service.likely() < service.surely());
        service.learn(u64::MAX);
        assert!(service.surely().is_some(), "nothing overflows");
    }
}

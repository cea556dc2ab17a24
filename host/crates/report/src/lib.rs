//! Adds up the ledgers of many frames.
//!
//! Each record goes into a histogram and into sums, so a run of any length needs the same memory.
//! Means are over the counted frames: those that succeeded, in the measured passes. Means add up:
//! the stages of `stages_ns` sum to its `total`. There are percentiles of the whole latency only.
//! The results of a benchmark have their own [`record`], which [`bench_table`] writes and [`html`]
//! draws.
//!
//! ```
//! use tollgate_report::{Tally, units};
//! use tollgate_services::Ledger;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut tally = Tally::new()?;
//! tally.add(&Ledger::open().close(), None);
//! let latency = tally.latency().expect("one frame");
//! assert_eq!((latency.count, latency.p99), (1, None), "one frame has no p99");
//! assert_eq!(units::time(1_500_000.0), "1.50 ms");
//! # Ok(())
//! # }
//! ```

pub mod bench_table;
pub mod headline;
pub mod html;
mod json;
mod message;
pub mod percentiles;
pub mod record;
mod table;
pub mod terminal;
pub mod truth;
pub mod units;

use hdrhistogram::Histogram;
use tollgate_services::{Record, TwinRecord};

use self::record::Percentiles;

pub use json::{
    Accuracy, Crossings, FailedFrame, FrameCounts, GuestSplit, Host, Inferences, Passes, Stages,
    Summary, Toll,
};
pub use message::{MESSAGE_BYTES, in_one_line, one_line};
pub use table::table;

/// The longest latency that is told apart from longer ones: a day, in nanoseconds.
const LONGEST_NS: u64 = 24 * 3600 * 1_000_000_000;

/// Significant decimal digits of a percentile.
const DIGITS: u8 = 3;

/// The sum of many records.
#[derive(Debug)]
pub struct Tally {
    latency: Histogram<u64>,
    frames: u64,
    stages: [u128; STAGES],
    guest_split: [u128; 3],
    counts: [u128; COUNTS],
    crossing: u128,
    total: u128,
    max_batch: u64,
    stamps: u128,
    twins: u64,
    twin: [u128; 4],
}

/// The number of stages, in the order of [`Stages`].
const STAGES: usize = 10;

/// The number of counts, in the order of [`Tally::add`].
const COUNTS: usize = 6;

/// The histogram could not be made or read: a number is outside the library's bounds.
#[derive(Debug, thiserror::Error)]
#[error("the latency histogram refuses its bounds: {0}")]
pub struct HistogramError(String);

impl Tally {
    /// A tally without frames.
    ///
    /// # Errors
    ///
    /// The histogram's constructor can fail, but not for these bounds.
    pub fn new() -> Result<Self, HistogramError> {
        let latency = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS)
            .map_err(|error| HistogramError(error.to_string()))?;
        Ok(Self {
            latency,
            frames: 0,
            stages: [0; STAGES],
            guest_split: [0; 3],
            counts: [0; COUNTS],
            crossing: 0,
            total: 0,
            max_batch: 0,
            stamps: 0,
            twins: 0,
            twin: [0; 4],
        })
    }

    /// Adds one frame, and its twin's run if there was one.
    pub fn add(&mut self, record: &Record, twin: Option<&TwinRecord>) {
        let Record {
            stages,
            counts,
            total_ns,
            missing: _,
        } = record;
        self.frames += 1;
        self.latency.saturating_record(*total_ns);
        self.total += u128::from(*total_ns);
        self.crossing += u128::from(stages.crossing());
        let split = [
            stages.guest_before,
            stages.guest_between,
            stages.guest_after,
        ];
        add(&mut self.guest_split, split);
        add(
            &mut self.stages,
            [
                stages.queue,
                stages.instantiate,
                stages.guest(),
                stages.lift,
                stages.batch,
                stages.infer,
                stages.lower,
                stages.glue,
                stages.keyvalue,
                stages.jail,
            ],
        );
        add(
            &mut self.counts,
            [
                counts.crossings,
                counts.inferences,
                counts.bytes_in,
                counts.bytes_out,
                counts.copies_in,
                counts.copies_out,
            ],
        );
        self.max_batch = self.max_batch.max(counts.max_batch);
        self.stamps += u128::from(counts.stamps);
        if let Some(twin) = twin {
            self.twins += 1;
            let parts = [twin.total_ns, twin.infer_ns, twin.host_ns, twin.keyvalue_ns];
            add(&mut self.twin, parts);
        }
    }

    /// Adds all frames of another tally.
    pub fn merge(&mut self, other: &Tally) {
        // Both have the same bounds, so this cannot fail.
        self.latency.add(&other.latency).ok();
        self.frames += other.frames;
        sum(&mut self.stages, &other.stages);
        sum(&mut self.guest_split, &other.guest_split);
        sum(&mut self.counts, &other.counts);
        self.crossing += other.crossing;
        self.total += other.total;
        self.max_batch = self.max_batch.max(other.max_batch);
        self.stamps += other.stamps;
        self.twins += other.twins;
        sum(&mut self.twin, &other.twin);
    }

    /// The histogram of latencies, in nanoseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.latency
    }

    /// The number of frames.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The percentiles of the latency that this number of frames is enough for; `None` without
    /// frames.
    pub fn latency(&self) -> Option<Percentiles> {
        percentiles::of(&self.latency)
    }

    /// The mean of each stage; `None` without frames.
    pub fn stages(&self) -> Option<Stages> {
        let [
            queue,
            instantiate,
            guest,
            lift,
            batch,
            infer,
            lower,
            glue,
            keyvalue,
            jail,
        ] = means(self.stages, self.frames)?;
        let [total] = means([self.total], self.frames)?;
        Some(Stages {
            queue,
            instantiate,
            guest,
            lift,
            batch,
            infer,
            lower,
            glue,
            keyvalue,
            jail,
            total,
        })
    }

    /// The mean guest time before, between and after inferences; `None` without frames.
    pub fn guest_split(&self) -> Option<GuestSplit> {
        let [guest_before, guest_between, guest_after] = means(self.guest_split, self.frames)?;
        Some(GuestSplit {
            guest_before,
            guest_between,
            guest_after,
        })
    }

    /// The mean counts of a frame; `None` without frames.
    pub fn crossings(&self) -> Option<(Crossings, Inferences)> {
        let [
            per_frame,
            inferences,
            bytes_in,
            bytes_out,
            copies_in,
            copies_out,
        ] = means(self.counts, self.frames)?;
        let crossings = Crossings {
            per_frame,
            bytes_in,
            bytes_out,
            copies_in,
            copies_out,
        };
        let max_batch = self.max_batch;
        Some((
            crossings,
            Inferences {
                per_frame: inferences,
                max_batch,
            },
        ))
    }

    /// The time per frame that measuring itself takes, if one stamp takes `stamp_ns`; `None`
    /// without frames.
    pub fn probe(&self, stamp_ns: f64) -> Option<f64> {
        let [stamps] = means([self.stamps], self.frames)?;
        Some(round(stamps * stamp_ns))
    }

    /// What the boundary added. Without a twin only the crossing is known. The twin's numbers are
    /// used only if it ran for each frame, since means over different frames must not be
    /// subtracted.
    pub fn toll(&self) -> Option<Toll> {
        self.toll_beside((self.twins == self.frames).then_some(self))
    }

    /// As [`Tally::toll`], with the twin's runs in another tally, over the same frames as often.
    pub fn toll_beside(&self, twins: Option<&Tally>) -> Option<Toll> {
        let [crossing_ns] = means([self.crossing], self.frames)?;
        let stages = self.stages()?;
        let mut toll = Toll {
            crossing_ns,
            ..Toll::default()
        };
        if let Some(twins) = twins {
            let [twin_total, twin_infer, twin_host, twin_keyvalue] =
                means(twins.twin, twins.twins)?;
            let sandbox = stages.guest - (twin_total - twin_infer - twin_host);
            let path = stages.total - stages.queue - stages.batch;
            toll.sandbox_ns = Some(round(sandbox));
            toll.by_parts_ns = Some(round(crossing_ns + sandbox));
            // Both wait for the same disk, whose time always varies.
            let (path_alone, twin_alone) = (path - stages.keyvalue, twin_total - twin_keyvalue);
            toll.by_difference_ns = Some(round(path_alone - twin_alone));
            toll.total_ns = toll.by_parts_ns;
            toll.twin_total_ns = Some(twin_total);
            toll.ratio = (twin_total > 0.0).then(|| (path / twin_total * 1e4).round() / 1e4);
        }
        Some(toll)
    }
}

fn add<const N: usize>(sums: &mut [u128; N], values: [u64; N]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += u128::from(value);
    }
}

fn sum<const N: usize>(sums: &mut [u128; N], others: &[u128; N]) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum += other;
    }
}

/// Converts sums to means, rounded to a tenth; `None` if the count is zero.
fn means<const N: usize>(sums: [u128; N], count: u64) -> Option<[f64; N]> {
    // Sums are far below 2^53 tenths, so the error is less than the rounding.
    (count > 0).then(|| sums.map(|sum| round(sum as f64 / count as f64)))
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use tollgate_services::Counts;
    use tollgate_services::Stages as RecordStages;

    use super::*;

    /// A frame with a different digit for each stage; 16,100 ns plus the queue.
    fn record(queue: u64) -> Record {
        let stages = RecordStages {
            queue,
            instantiate: 0,
            guest_before: 5000,
            guest_between: 300,
            guest_after: 700,
            lift: 1000,
            batch: 100,
            infer: 8000,
            lower: 600,
            glue: 400,
            keyvalue: 0,
            jail: 0,
        };
        let counts = Counts {
            crossings: 3,
            inferences: 2,
            bytes_in: 40,
            bytes_out: 20,
            copies_in: 1,
            copies_out: 2,
            max_batch: 4,
            batch_rows: 6,
            stamps: 10,
        };
        Record {
            stages,
            counts,
            total_ns: 16_100 + queue,
            ..Record::default()
        }
    }

    #[test]
    fn means_add_up() {
        let mut tally = Tally::new().unwrap();
        tally.add(&record(100), None);
        tally.add(&record(300), None);
        let stages = tally.stages().unwrap();
        assert_eq!(
            (stages.queue, stages.guest, stages.total),
            (200.0, 6000.0, 16_300.0)
        );
        let sum = stages.queue + stages.instantiate + stages.guest + stages.lift;
        let sum = sum + stages.batch + stages.infer + stages.lower + stages.glue;
        assert_eq!(sum, stages.total);
        let split = tally.guest_split().unwrap();
        assert_eq!(
            (split.guest_before, split.guest_between, split.guest_after),
            (5000.0, 300.0, 700.0)
        );
        let (crossings, inferences) = tally.crossings().unwrap();
        assert_eq!(
            (
                crossings.per_frame,
                crossings.bytes_in,
                crossings.copies_out
            ),
            (3.0, 40.0, 2.0)
        );
        assert_eq!((inferences.per_frame, inferences.max_batch), (2.0, 4));
        assert_eq!(tally.probe(1.5), Some(15.0));
        let latency = tally.latency().unwrap();
        assert_eq!(latency.count, 2);
        // Three digits: within a thousandth.
        assert!(latency.max.abs_diff(16_400) <= 16 && latency.min.abs_diff(16_200) <= 16);
        assert_eq!(latency.p50, None, "two frames have no median to rely on");
    }

    #[test]
    fn without_frames_nothing_is_said() {
        let tally = Tally::new().unwrap();
        assert!(tally.latency().is_none() && tally.stages().is_none() && tally.toll().is_none());
    }

    #[test]
    fn without_a_twin_only_the_crossing_is_known() {
        let mut tally = Tally::new().unwrap();
        tally.add(&record(0), None);
        let toll = tally.toll().unwrap();
        assert_eq!(toll.crossing_ns, 2000.0);
        assert_eq!(
            (toll.sandbox_ns, toll.total_ns, toll.ratio),
            (None, None, None)
        );
    }

    #[test]
    fn both_ways_of_computing_the_toll_agree() {
        let mut tally = Tally::new().unwrap();
        let twin = TwinRecord {
            total_ns: 13_000,
            infer_ns: 8000,
            host_ns: 0,
            keyvalue_ns: 0,
        };
        tally.add(&record(500), Some(&twin));
        let toll = tally.toll().unwrap();
        assert_eq!(toll.sandbox_ns, Some(1000.0));
        assert_eq!(toll.by_parts_ns, Some(3000.0));
        assert_eq!(toll.by_difference_ns, Some(3000.0));
        assert_eq!(toll.total_ns, Some(3000.0));
        assert_eq!(toll.ratio, Some(1.2308));

        // A disk that is slower for the plugin than for the twin must not count as toll.
        let mut with_disk = Tally::new().unwrap();
        let mut slow = record(500);
        slow.stages.keyvalue = 900_000;
        slow.total_ns += 900_000;
        let quick = TwinRecord {
            total_ns: 113_000,
            host_ns: 100_000,
            keyvalue_ns: 100_000,
            ..twin
        };
        with_disk.add(&slow, Some(&quick));
        let beside = with_disk.toll().unwrap();
        assert_eq!(beside.crossing_ns, toll.crossing_ns);
        assert_eq!(beside.by_parts_ns, Some(3000.0));
        assert_eq!(beside.by_difference_ns, Some(3000.0));
        // A frame without its twin's run makes the comparison impossible.
        tally.add(&record(500), None);
        assert_eq!(tally.toll().unwrap().total_ns, None);
    }

    #[test]
    fn tallies_of_several_workers_make_one() {
        let (mut one, mut both) = (Tally::new().unwrap(), Tally::new().unwrap());
        one.add(&record(100), None);
        both.add(&record(300), None);
        both.merge(&one);
        assert_eq!((both.frames(), both.histogram().len()), (2, 2));
        assert_eq!(both.stages().unwrap().queue, 200.0);

        let mut twins = Tally::new().unwrap();
        let twin = TwinRecord {
            total_ns: 13_000,
            infer_ns: 8000,
            host_ns: 0,
            keyvalue_ns: 0,
        };
        twins.add(&record(0), Some(&twin));
        let toll = both.toll_beside(Some(&twins)).unwrap();
        assert_eq!(
            (toll.by_parts_ns, toll.by_difference_ns),
            (Some(3000.0), Some(3000.0))
        );
    }

    #[test]
    fn latencies_of_any_length_are_taken() {
        let mut tally = Tally::new().unwrap();
        let mut long = record(0);
        long.total_ns = u64::MAX;
        tally.add(&long, None);
        long.total_ns = 0;
        tally.add(&long, None);
        assert_eq!(tally.latency().unwrap().count, 2);
    }
}

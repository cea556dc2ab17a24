//! Benchmarks: scenarios, sweeps and the record of what they showed.

pub mod record;

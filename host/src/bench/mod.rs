//! Benchmarks: scenarios, sweeps and the record of what they showed.

mod load;
mod machine;
mod percentiles;
pub mod record;
mod search;
mod windows;

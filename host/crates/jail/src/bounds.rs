//! How much a helper may take.

use std::{str::FromStr, time::Duration};

/// How much a helper may take. What is beyond it ends the helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Its address space, in bytes.
    pub memory_bytes: u64,
    /// How much of that may be memory of its own that it can write, in bytes.
    pub private_bytes: u64,
    /// Its result, in bytes.
    pub result_bytes: u64,
    /// From its start to its end; [`Duration::MAX`] for no bound.
    pub time: Duration,
}

impl Bounds {
    /// As an argument of the helper.
    pub(crate) fn to_argument(self) -> String {
        let time = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        format!(
            "{},{},{},{time}",
            self.memory_bytes, self.private_bytes, self.result_bytes
        )
    }
}

impl FromStr for Bounds {
    type Err = ();

    fn from_str(argument: &str) -> Result<Self, ()> {
        let mut numbers = argument.split(',').map(|number| number.parse::<u64>());
        let mut next = || numbers.next().ok_or(())?.map_err(drop);
        let bounds = Self {
            memory_bytes: next()?,
            private_bytes: next()?,
            result_bytes: next()?,
            time: Duration::from_millis(next()?),
        };
        match numbers.next() {
            None => Ok(bounds),
            Some(_) => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_come_through_an_argument() {
        let bounds = Bounds {
            memory_bytes: 1 << 32,
            private_bytes: 1 << 31,
            result_bytes: 5,
            time: Duration::from_millis(1500),
        };
        assert_eq!(bounds.to_argument().parse(), Ok(bounds));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "1,2,3,x"] {
            assert_eq!(wrong.parse::<Bounds>(), Err(()), "{wrong}");
        }
    }
}

//! The owner and the priority of an inference: they decide which caller is first if callers have to wait.
//!
//! Plain values. By default a caller has the default owner and normal priority, so callers that set
//! neither are served first come, first served.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

/// For what inferences are run: for a plugin, or for a route. If more wait than can run, owners get equal
/// shares, no matter how many callers each of them has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(u64);

impl Owner {
    /// A new owner, different from all others. The default owner is shared by all callers that set none.
    #[must_use]
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Which waiting inferences come first. None waits for ever: one that was passed over often enough rises by
/// one priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Before all others.
    High,
    /// As usual.
    #[default]
    Normal,
    /// After all others.
    Low,
}

/// The owner and the priority of a scratch's inferences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// For what they are run.
    pub owner: Owner,
    /// How urgent they are.
    pub priority: Priority,
}

impl Priority {
    const ALL: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

    /// The name that people type.
    pub const fn name(self) -> &'static str {
        match self {
            Priority::High => "high",
            Priority::Normal => "normal",
            Priority::Low => "low",
        }
    }

    /// How many priorities are more urgent than this one.
    pub(crate) const fn level(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Priority {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.name() == text)
            .ok_or_else(|| format!("unknown priority `{text}`: expected high, normal or low"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_told_apart() {
        assert_ne!(Owner::unique(), Owner::unique());
        assert_ne!(Owner::unique(), Owner::default());
    }

    #[test]
    fn names_go_there_and_back() {
        for priority in Priority::ALL {
            assert_eq!(priority.name().parse(), Ok(priority));
        }
        let error = "urgent".parse::<Priority>().unwrap_err();
        assert!(
            error.contains("`urgent`") && error.contains("high"),
            "{error}"
        );
    }
}

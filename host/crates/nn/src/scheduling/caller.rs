//! Who asks for an inference, and how urgently: what decides who goes first where callers have to
//! wait.
//!
//! Plain values. A caller that says nothing about itself belongs to nobody in particular and is of
//! normal priority, so callers that all say nothing are served first come, first served.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

/// On whose behalf inferences are asked for: a plugin, a route. Where more wait than can be
/// served, owners get equal shares, however many callers each of them has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(u64);

impl Owner {
    /// An owner of its own. The default is nobody in particular, whom all share that do not say.
    #[must_use]
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Who goes first among those who wait. Nobody is passed over for ever: who was passed over
/// often enough rises by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Before everybody else.
    High,
    /// As usual.
    #[default]
    Normal,
    /// When nobody else waits.
    Low,
}

/// What a scratch's inferences are asked for with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// On whose behalf.
    pub owner: Owner,
    /// How urgently.
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

    /// How many are more urgent.
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

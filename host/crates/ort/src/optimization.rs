//! How far ONNX Runtime rewrites a graph.

use std::{fmt, str::FromStr};

/// How far ONNX Runtime rewrites a graph when it loads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimization {
    /// Not at all.
    None,
    /// Rewrites that keep the results exactly: constant folding, removal of redundant nodes.
    Basic,
    /// Fusions as well.
    Extended,
    /// Memory layouts as well.
    #[default]
    All,
}

impl Optimization {
    const ALL_LEVELS: [Optimization; 4] = [
        Optimization::None,
        Optimization::Basic,
        Optimization::Extended,
        Optimization::All,
    ];

    /// The name that people type.
    pub const fn name(self) -> &'static str {
        match self {
            Optimization::None => "none",
            Optimization::Basic => "basic",
            Optimization::Extended => "extended",
            Optimization::All => "all",
        }
    }
}

impl fmt::Display for Optimization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Optimization {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL_LEVELS
            .into_iter()
            .find(|level| level.name() == text)
            .ok_or_else(|| {
                format!("unknown optimization `{text}`: expected none, basic, extended or all")
            })
    }
}

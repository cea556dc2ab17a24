//! What a guest asked for in a frame and did not get because of a missing grant or model. The user gets a hint
//! from it. It is part of the frame's ledger.

/// What was refused; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// A graph whose name is not granted, or that does not exist.
    pub graph: bool,
    /// Loading a model from bytes.
    pub load: bool,
    /// Folders of the host, without any granted.
    pub dirs: bool,
    /// Lines on standard output or error, without a granted log.
    pub lines: bool,
}

impl Missing {
    /// Both together.
    #[must_use]
    #[inline]
    pub fn or(self, other: Self) -> Self {
        Self {
            graph: self.graph | other.graph,
            load: self.load | other.load,
            dirs: self.dirs | other.dirs,
            lines: self.lines | other.lines,
        }
    }
}

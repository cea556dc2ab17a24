//! What a guest asked for in a frame and did not get, since it was not granted or not given: what a
//! hint for the person who runs it can be made of. It travels in the frame's ledger.

/// What was refused; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// A graph by a name that is not granted, or that no model has.
    pub graph: bool,
    /// A model of its own, from bytes.
    pub load: bool,
    /// The host's folders, of which it was granted none.
    pub dirs: bool,
    /// Lines on its standard output or error, with no log granted to show them.
    pub lines: bool,
}

impl Missing {
    /// What either says.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            graph: self.graph | other.graph,
            load: self.load | other.load,
            dirs: self.dirs | other.dirs,
            lines: self.lines | other.lines,
        }
    }
}

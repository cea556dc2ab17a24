//! Memory of somebody else's for tensors.

use tollgate_ort::Place;

/// Memory in which tensors lie so that handing them over takes no copy.
pub trait Places: Send + Sync {
    /// A place of this many bytes; none if it has no room, or if copying so few bytes is cheaper.
    fn place(&self, bytes: usize) -> Option<Box<dyn Place>>;
}

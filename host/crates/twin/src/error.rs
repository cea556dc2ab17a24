//! Why a twin cannot be used.

/// Why a twin cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The shared library is not a twin that can be used.
    #[error("cannot use `{path}` as a twin: {reason}")]
    Unusable {
        /// The library.
        path: String,
        /// Why not.
        reason: String,
    },

    /// An error of `tollgate-nn`.
    #[error(transparent)]
    Nn(#[from] tollgate_nn::Error),
}

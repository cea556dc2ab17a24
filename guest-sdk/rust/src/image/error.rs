//! What the picture helpers say no to.

use std::fmt;

use super::{Region, Shape};

/// Why a picture was not worked on. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A buffer does not have as many elements as its shape says.
    Length {
        /// Which buffer: `the picture` or `the output`.
        what: &'static str,
        /// The shape it should have.
        shape: Shape,
        /// The elements that such a shape has.
        expected: usize,
        /// The elements that came.
        len: usize,
    },
    /// A picture of this shape cannot be held in memory.
    TooLarge {
        /// The shape.
        shape: Shape,
    },
    /// A number of channels that this function does not work on.
    Channels {
        /// The number.
        channels: u32,
        /// The numbers that it works on, in words.
        accepted: &'static str,
    },
    /// A region that is not wholly within its picture.
    Outside {
        /// The region.
        region: Region,
        /// The picture.
        shape: Shape,
    },
    /// Means or deviations that are neither one nor one per channel, or a deviation of zero.
    Statistics {
        /// How many means.
        means: usize,
        /// How many deviations.
        deviations: usize,
        /// The channels of the picture.
        channels: u32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length {
                what,
                shape,
                expected,
                len,
            } => write!(
                f,
                "{what} should have {expected} elements for {}x{} pixels of {} channels, and has \
                 {len}: give the shape that it really has",
                shape.width, shape.height, shape.channels
            ),
            Self::TooLarge { shape } => write!(
                f,
                "a picture of {}x{} pixels of {} channels does not fit into memory: resize it \
                 where it is made",
                shape.width, shape.height, shape.channels
            ),
            Self::Channels { channels, accepted } => write!(
                f,
                "a picture here has {accepted} channels, and not {channels}: convert it first"
            ),
            Self::Outside { region, shape } => write!(
                f,
                "the region of {}x{} pixels at ({}, {}) is not within the picture of {}x{}: \
                 clamp it first",
                region.width, region.height, region.left, region.top, shape.width, shape.height
            ),
            Self::Statistics {
                means,
                deviations,
                channels,
            } => write!(
                f,
                "normalising {channels} channels takes one mean and one deviation other than \
                 zero, or {channels} of each, and not {means} and {deviations}"
            ),
        }
    }
}

impl std::error::Error for Error {}

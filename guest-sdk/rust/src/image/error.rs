//! The errors of the picture helpers.

use std::fmt;

use super::{Region, Shape};

/// Why a picture was not processed. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The length of a buffer does not match its shape.
    Length {
        /// Which buffer: `the picture` or `the output`.
        what: &'static str,
        /// The shape it should have.
        shape: Shape,
        /// The number of elements of that shape.
        expected: usize,
        /// The number of elements that it has.
        len: usize,
    },
    /// A picture of this shape does not fit into memory.
    TooLarge {
        /// The shape.
        shape: Shape,
    },
    /// A number of channels that this function does not support.
    Channels {
        /// The number of channels.
        channels: u32,
        /// The supported numbers, in words.
        accepted: &'static str,
    },
    /// A region that is not completely inside its picture.
    Outside {
        /// The region.
        region: Region,
        /// The shape of the picture.
        shape: Shape,
    },
    /// The number of means or deviations is neither one nor one per channel, or a deviation is
    /// zero.
    Statistics {
        /// The number of means.
        means: usize,
        /// The number of deviations.
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

//! A grey picture to the five digit windows of a register.
//!
//! A register is a dark plate, much wider than high, with five light windows in a row. It is found in four
//! steps, each its own module: what is dark against its surroundings (so that uneven light does not matter),
//! the largest dark shape that a plate could be, that plate turned upright (so that rotation and shift no
//! longer matter), and the windows in it. No step knows what a digit is. Where any of them does not find what
//! a register has, the answer says what is missing; it is never a guess.
//!
//! The work is bounded by `WORKING_WIDTH`: larger pictures are shrunk first. Steps and their loops stay functions of
//! their own when they are compiled: around a sandbox's look at the clock little is kept in registers, and least in a
//! large function.

mod plate;
mod shade;
mod straighten;
mod windows;

use std::fmt;

use crate::picture::{Picture, PictureError};

pub use plate::Plate;
pub use windows::Window;

/// Digits of a register.
pub const DIGITS: usize = 5;
/// Pictures are shrunk by a whole number until they are narrower than twice this, in pixels.
pub const WORKING_WIDTH: usize = 288;

/// A register, upright and cut out of its picture.
#[derive(Debug, Clone)]
pub struct Register {
    /// The plate, one byte a pixel, at the scale at which it was found.
    pub strip: Picture<'static>,
    /// From left to right, all of one size.
    pub windows: [Window; DIGITS],
}

/// Why a picture does not show a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRegister {
    /// No dark shape of a plate's proportions.
    Plate,
    /// A plate with another number of windows than `DIGITS`.
    Windows(usize),
    /// Five windows of uneven size or distance.
    Uneven,
    /// The picture is too small for what has to be found in it.
    Small(PictureError),
}

impl fmt::Display for NoRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plate => write!(
                f,
                "expected a dark register plate, found none: check where the camera points"
            ),
            Self::Windows(found) => {
                write!(
                    f,
                    "expected a register of {DIGITS} digit windows, found {found}: check the light and the focus"
                )
            }
            Self::Uneven => {
                write!(
                    f,
                    "expected {DIGITS} digit windows in an even row, found an uneven one: check what covers the register"
                )
            }
            Self::Small(error) => write!(f, "the register is too small to be read: {error}"),
        }
    }
}

impl std::error::Error for NoRegister {}

impl From<PictureError> for NoRegister {
    fn from(error: PictureError) -> Self {
        Self::Small(error)
    }
}

/// Finds the register.
///
/// # Errors
/// [`NoRegister`] where the picture shows none.
pub fn locate(picture: Picture<'_>) -> Result<Register, NoRegister> {
    let factor = picture.width() / WORKING_WIDTH;
    let picture = picture.shrunk(factor)?;
    let dark = shade::dark(&picture);
    let plate = plate::find(&dark, picture.width())?;
    let strip = straighten::straighten(&picture, &plate)?;
    let windows = windows::find(&strip)?;
    Ok(Register { strip, windows })
}

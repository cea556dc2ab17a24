//! A call that the host refuses: the error for the guest, and what the host remembers of it, in case that the
//! guest traps without a reason.

use tollgate_nn::{Error as NnError, ErrorCode};

use crate::{
    Limit,
    limits::MESSAGE_BYTES,
    text::{escaped, shorten},
};

/// A failure that is returned to the guest, with a message of at most [`MESSAGE_BYTES`].
#[derive(Debug)]
pub struct Refusal {
    /// The standard's code.
    pub code: ErrorCode,
    /// The message, which is short enough to be kept.
    pub message: String,
    /// The limit that was exceeded, if one was.
    pub limit: Option<Limit>,
}

impl Refusal {
    /// A refusal for another reason than a limit.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: shorten(message.into(), MESSAGE_BYTES),
            limit: None,
        }
    }

    /// A refusal because of a limit: what it bounds, how much is allowed, how much came.
    pub fn over(limit: Limit, what: &str, most: usize, came: usize) -> Self {
        let unit = limit.unit();
        Self {
            limit: Some(limit),
            ..Self::new(
                ErrorCode::TooLarge,
                format!("{what} are over their limit: at most {most} {unit}, {came} came"),
            )
        }
    }
}

impl From<NnError> for Refusal {
    fn from(error: NnError) -> Self {
        // A limit below the machine's own is that of tensors: `tollgate-nn` does not check the limit of
        // models.
        let own = matches!(error, NnError::TooLarge { limit, .. } if limit < isize::MAX as usize);
        Self {
            limit: own.then_some(Limit::TensorBytes),
            ..Self::new(error.code(), error.to_string())
        }
    }
}

/// The last refusal of the current call.
#[derive(Debug, Default)]
pub struct LastRefusal(Option<(String, Option<Limit>)>);

impl LastRefusal {
    /// Keeps this one instead of an earlier one.
    pub fn keep(&mut self, message: &str, limit: Option<Limit>) {
        let (text, was) = self.0.get_or_insert_default();
        message.clone_into(text);
        *was = limit;
    }

    /// A call begins: a refusal of an earlier one does not explain how it ends.
    #[inline]
    pub fn forget(&mut self) {
        self.0 = None;
    }

    /// As a message, escaped.
    pub fn words(&self) -> Option<String> {
        self.0.as_ref().map(|(message, _)| escaped(message))
    }

    /// The limit that was exceeded, if one was.
    pub fn limit(&self) -> Option<Limit> {
        self.0.as_ref().and_then(|(_, limit)| *limit)
    }
}

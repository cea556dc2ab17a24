//! A call that the host refuses: the error for the guest, and what the host remembers of it, in case that the
//! guest traps without a reason.

use tollgate_nn::{Error as NnError, ErrorCode};

use crate::{
    Limit,
    limits::MESSAGE_BYTES,
    text::{escaped, shorten},
};

/// A failure that is returned to the guest, with a message of at most [`MESSAGE_BYTES`].
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    /// The limit that was exceeded, if one was.
    pub(crate) limit: Option<Limit>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: shorten(message.into(), MESSAGE_BYTES),
            limit: None,
        }
    }

    /// A refusal because of a limit: what it bounds, how much is allowed, how much came.
    pub(crate) fn over(limit: Limit, what: &str, most: usize, came: usize) -> Self {
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
#[derive(Default)]
pub(crate) struct LastRefusal(Option<(String, Option<Limit>)>);

impl LastRefusal {
    pub(crate) fn keep(&mut self, message: &str, limit: Option<Limit>) {
        let (text, was) = self.0.get_or_insert_default();
        message.clone_into(text);
        *was = limit;
    }

    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }

    /// As a message, escaped.
    pub(crate) fn words(&self) -> Option<String> {
        self.0.as_ref().map(|(message, _)| escaped(message))
    }

    pub(crate) fn limit(&self) -> Option<Limit> {
        self.0.as_ref().and_then(|(_, limit)| *limit)
    }
}

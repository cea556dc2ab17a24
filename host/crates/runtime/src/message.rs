//! The inputs and outputs of a plugin as Wasmtime lowers and lifts them: the records of `tollgate:plugin/types`.
//!
//! They have the fields of what `tollgate-services` hands around, which knows no Wasmtime. Neither way copies any
//! data.

use std::sync::Arc;

use bytes::Bytes;
use tollgate_services::{Fault, Frame, Output};
use wasmtime::component::{ComponentType, Lift, Lower};

/// How many lists and strings a frame has: each is an allocation in the guest.
pub(crate) const LISTS: u8 = 3;

/// A [`Frame`].
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Lowered {
    sequence: u64,
    source: Arc<str>,
    #[component(name = "content-type")]
    content_type: Arc<str>,
    #[component(name = "acquired-ns")]
    acquired_ns: u64,
    data: Bytes,
}

impl From<&Frame> for Lowered {
    fn from(frame: &Frame) -> Self {
        Self {
            sequence: frame.sequence,
            source: Arc::clone(&frame.source),
            content_type: Arc::clone(&frame.content_type),
            acquired_ns: frame.acquired_ns,
            data: frame.data.clone(),
        }
    }
}

/// An [`Output`].
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Lifted {
    name: String,
    #[component(name = "content-type")]
    content_type: String,
    data: Vec<u8>,
}

impl From<Lifted> for Output {
    fn from(lifted: Lifted) -> Self {
        Self {
            name: lifted.name,
            content_type: lifted.content_type,
            data: lifted.data,
        }
    }
}

/// A [`Fault`].
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum LiftedFault {
    #[component(name = "invalid-frame")]
    InvalidFrame(String),
    #[component(name = "inference")]
    Inference(String),
    #[component(name = "internal")]
    Internal(String),
}

impl From<LiftedFault> for Fault {
    fn from(lifted: LiftedFault) -> Self {
        match lifted {
            LiftedFault::InvalidFrame(text) => Fault::InvalidFrame(text),
            LiftedFault::Inference(text) => Fault::Inference(text),
            LiftedFault::Internal(text) => Fault::Internal(text),
        }
    }
}

/// What a plugin's `handle` returned.
pub(crate) fn answer(lifted: Result<Vec<Lifted>, LiftedFault>) -> Result<Vec<Output>, Fault> {
    match lifted {
        // This keeps the list's memory: both kinds of entries have one size.
        Ok(outputs) => Ok(outputs.into_iter().map(Output::from).collect()),
        Err(fault) => Err(fault.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_keep_the_memory_that_they_were_lifted_into() {
        let lifted = || Lifted {
            name: "a".into(),
            content_type: String::new(),
            data: vec![1, 2, 3],
        };
        let all = vec![lifted(), lifted()];
        let (list, data) = (all.as_ptr().addr(), all[0].data.as_ptr());
        let outputs = answer(Ok(all)).unwrap();
        assert_eq!(outputs.len(), 2);
        assert_eq!(
            (outputs.as_ptr().addr(), outputs[0].data.as_ptr()),
            (list, data)
        );
    }
}

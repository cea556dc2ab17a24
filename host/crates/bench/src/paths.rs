//! The paths other than the plugin's, which handle frames on the same workers: the twin, and ONNX
//! Runtime alone.

use std::sync::Arc;

use tollgate_dispatch::{Failure, Handled, Handler, Kept, Local, Success, TwinRun, Twins};
use tollgate_nn::clock::{Budget, Deadline, Stamp};
use tollgate_runtime::Error;
use tollgate_services::{Counts, Frame, Ledger, Record, Stages};

use super::{native::Native, subject::FirstPass};

/// The twin path: the same plugin, compiled natively.
pub(super) struct TwinPath {
    pub(super) twins: Twins,
    pub(super) first_pass: Arc<FirstPass>,
}

impl Handler for TwinPath {
    fn handle(
        &self,
        frame: &Frame,
        _: Option<Deadline>,
        ledger: Ledger,
        local: &mut Local,
    ) -> Handled {
        let due = ledger.opened();
        let begin = Stamp::now();
        let ran = self.twins.with(local, |twin| twin.handle(frame));
        let (outputs, ran) = match ran {
            Ok((Ok(outputs), ran)) => (outputs, ran),
            Ok((Err(error), _)) | Err(error) => return Handled::failed(Failure::Twin(error)),
        };
        let outputs = match outputs {
            Ok(outputs) => outputs,
            Err(fault) => return Handled::failed(Failure::TwinFault(fault)),
        };
        let record = bare(due, begin, ran.infer_ns, self.first_pass.inferences(frame));
        Handled::done(Success {
            outputs,
            record,
            memory_bytes: None,
            twin: Some(TwinRun {
                record: ran,
                differs: false,
            }),
        })
    }
}

/// The native path: ONNX Runtime alone, with separate tensors on each worker.
pub(super) struct NativePath {
    pub(super) kept: Kept,
    pub(super) plan: Arc<super::native::Plan>,
    pub(super) first_pass: Arc<FirstPass>,
    pub(super) inference: std::time::Duration,
}

impl Handler for NativePath {
    fn handle(
        &self,
        frame: &Frame,
        deadline: Option<Deadline>,
        ledger: Ledger,
        local: &mut Local,
    ) -> Handled {
        let due = ledger.opened();
        let begin = Stamp::now();
        let own = Budget::new(self.inference).from(begin);
        let deadline = deadline.map_or(own, |frame| frame.min(own));
        let mut native = match local.take::<Native>(&self.kept) {
            Some(native) => native,
            None => match Native::new(Arc::clone(&self.plan), 1) {
                Ok(native) => Box::new(native),
                Err(error) => return Handled::failed(Failure::Instance(Error::Nn(error))),
            },
        };
        let ran = native.run(FirstPass::place(frame), Some(deadline));
        local.put(&self.kept, native);
        match ran {
            Ok(infer_ns) => Handled::done(Success {
                outputs: Vec::new(),
                record: bare(due, begin, infer_ns, self.first_pass.inferences(frame)),
                memory_bytes: None,
                twin: None,
            }),
            Err(error) => Handled::failed(Failure::Instance(Error::Nn(error))),
        }
    }
}

/// A record for a path without a boundary: due time, start, and time in ONNX Runtime.
fn bare(due: Stamp, begin: Stamp, infer_ns: u64, inferences: u64) -> Record {
    Record {
        stages: Stages {
            queue: begin.nanos_since(due),
            infer: infer_ns,
            ..Stages::default()
        },
        counts: Counts {
            inferences,
            ..Counts::default()
        },
        total_ns: Stamp::now().nanos_since(due),
        ..Record::default()
    }
}

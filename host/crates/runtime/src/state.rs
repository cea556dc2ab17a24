//! The state of one store. It lives as long as the instance, and keeps nothing of a frame after its call.
//!
//! The ledger of a frame is moved in when its call begins and out when it ends. So a call cannot find another
//! frame's ledger by mistake.

mod entries;
mod limiter;

use std::{
    cell::{Cell, OnceCell},
    sync::{Arc, Weak},
};

use bytes::Bytes;
use tollgate_nn::{
    Elements, Error as NnError, Graph, GraphOptions, Loader, Scratch, Tensor, TensorType,
    clock::{Budget, Deadline, Stamp},
};
use tollgate_services::{
    Grants, GraphGrant, LastRefusal, Ledger, Limit, Limits, Missing, NnHost, Refusal, Services,
};
use wasmtime::{Memory, component::ResourceTable};
use wasmtime_wasi::{
    FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView, p1::WasiP1Ctx,
    p2::pipe::MemoryInputPipe,
};

use crate::{
    Error,
    lines::Stdio,
    slab::Slab,
    streams::{Streams, Written},
};

pub(crate) use self::{
    entries::{ContextEntry, Ephemeral, ErrorEntry, GraphEntry, Kept, PreparedEntry, TensorEntry},
    limiter::Limiter,
};

pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) nn: NnCtx,
    pub(crate) services: Services,
    pub(crate) table: ResourceTable,
    pub(crate) limiter: Limiter,
    /// The last refusal in the current call.
    pub(crate) refused: LastRefusal,
    /// The deadline of the current call.
    pub(crate) deadline: Option<Deadline>,
    /// [`Limits::host_call_bytes`].
    pub(crate) host_call_bytes: usize,
    /// WASI for components. Without grants it is made when the guest first uses it.
    preview2: Option<Box<WasiCtx>>,
    /// WASI preview1, for modules.
    preview1: Option<Box<WasiP1Ctx>>,
    /// The standard streams; made together with WASI.
    stdio: Option<Stdio>,
    /// The guest's own message before it traps.
    panicked: Option<String>,
    /// Whether folders of the host are granted.
    pub(crate) has_dirs: bool,
    /// The wasi-nn handles of a preview1 module.
    pub(crate) ephemeral: Ephemeral,
    /// A preview1 module's memory, once it was looked up.
    pub(crate) memory: Option<Memory>,
}

impl State {
    pub(crate) fn new(host: &NnHost, grants: &Grants, limits: &Limits) -> Result<Self, Error> {
        let plain = grants.dirs.is_empty()
            && grants.env.is_empty()
            && grants.args.is_empty()
            && !grants.stdio;
        // A plugin without grants rarely calls WASI, and the context's random generators must be
        // seeded. So it is made when the guest first uses it.
        let mut state = Self::without_wasi(host, grants, limits);
        if !plain {
            let stdio = Stdio::new(state.services.log());
            let wasi = wasi(grants, &stdio, limits.host_call_bytes)?.build();
            state.preview2 = Some(Box::new(wasi));
            state.stdio = Some(stdio);
        }
        Ok(state)
    }

    /// As [`State::new`], for a preview1 module. It gets these standard streams, if it is not granted
    /// those of the host.
    pub(crate) fn for_module(
        host: &NnHost,
        grants: &Grants,
        limits: &Limits,
        streams: &Streams,
    ) -> Result<Self, Error> {
        let mut state = Self::without_wasi(host, grants, limits);
        let stdio = Stdio::new(state.services.log());
        let mut builder = wasi(grants, &stdio, limits.host_call_bytes)?;
        if !grants.stdio {
            builder
                .stdin(streams.input.clone())
                .stdout(Written(streams.output.clone()));
        }
        let mut wasi = builder.build_p1();
        wasi.ctx().table.set_max_capacity(limits.handles);
        state.preview1 = Some(Box::new(wasi));
        state.stdio = Some(stdio);
        state.ephemeral.handles = limits.handles;
        Ok(state)
    }

    fn without_wasi(host: &NnHost, grants: &Grants, limits: &Limits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        Self {
            ledger: Ledger::open(),
            nn: NnCtx {
                host: host.clone(),
                graphs: grants.graphs.clone(),
                load: grants.load,
                scratch: None,
                lent: Vec::new(),
                tensors: Slab::new(limits.handles),
                held_bytes: 0,
                models: Vec::new(),
                loader: OnceCell::new(),
                tensor_bytes: limits.tensor_bytes,
                model_bytes: limits.model_bytes,
                inference: Budget::new(limits.inference),
                deadline: None,
                missing: Cell::default(),
            },
            services: Services::new(grants, limits),
            table,
            limiter: Limiter::new(limits),
            refused: LastRefusal::default(),
            deadline: None,
            host_call_bytes: limits.host_call_bytes,
            preview2: None,
            preview1: None,
            stdio: None,
            panicked: None,
            has_dirs: !grants.dirs.is_empty(),
            ephemeral: Ephemeral::default(),
            memory: None,
        }
    }

    /// A call begins.
    pub(crate) fn begin(&mut self, deadline: Option<Deadline>) {
        // A refusal of an earlier call does not explain how this one ends.
        self.limiter.denied = None;
        self.refused.forget();
        self.deadline = deadline;
        self.nn.begin(deadline);
        self.services.begin(deadline);
        self.panicked = None;
        if let Some(stdio) = &self.stdio {
            stdio.errors.take();
        }
    }

    /// A call is over; its ledger is still in the store.
    pub(crate) fn end(&mut self) {
        if let Some(stdio) = &self.stdio {
            stdio.flush();
        }
        let mut missing = self.nn.missing.take();
        missing.lines = self.services.log().unseen();
        self.ledger.missing = self.ledger.missing.or(missing);
    }

    /// Keeps the guest's own message before it traps; in a call the last one counts.
    pub(crate) fn panicked(&mut self, words: String) {
        self.panicked = Some(words);
    }

    pub(crate) fn has_panicked(&self) -> bool {
        self.panicked.is_some()
    }

    /// The guest's message before it trapped in this call: from its panic, or from standard error.
    pub(crate) fn last_words(&self) -> String {
        self.panicked.clone().unwrap_or_else(|| self.errors())
    }

    /// The end of what the guest wrote to standard error in this call.
    pub(crate) fn errors(&self) -> String {
        let said = self.stdio.as_ref().map(|stdio| stdio.errors.take());
        String::from_utf8_lossy(&said.unwrap_or_default())
            .trim()
            .to_owned()
    }

    /// How many resources of any kind the instance has in the host.
    pub(crate) fn handles(&mut self) -> usize {
        let preview1 = self.preview1.as_mut();
        let streams = preview1.map_or(0, |preview1| preview1.ctx().table.iter_mut().count());
        self.table.iter_mut().count()
            + self.nn.tensors.len()
            + streams
            + self.ephemeral.graphs.len()
            + self.ephemeral.contexts.len()
    }

    /// WASI preview1. A state that was not made for a module gets one without any grants.
    pub(crate) fn preview1(&mut self) -> &mut WasiP1Ctx {
        let Self {
            preview1,
            stdio,
            services,
            host_call_bytes,
            ..
        } = self;
        preview1.get_or_insert_with(|| {
            let stdio = stdio.get_or_insert_with(|| Stdio::new(services.log()));
            Box::new(closed(&mut WasiCtx::builder(), stdio, *host_call_bytes).build_p1())
        })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self {
            preview1,
            preview2,
            stdio,
            services,
            table,
            host_call_bytes,
            ..
        } = self;
        match preview1 {
            Some(preview1) => preview1.ctx(),
            None => WasiCtxView {
                ctx: preview2.get_or_insert_with(|| {
                    let stdio = stdio.get_or_insert_with(|| Stdio::new(services.log()));
                    Box::new(closed(&mut WasiCtx::builder(), stdio, *host_call_bytes).build())
                }),
                table,
            },
        }
    }
}

/// Sets WASI up without network: standard streams go to the log, and at most this many random bytes can be
/// requested at once.
fn closed<'a>(
    builder: &'a mut WasiCtxBuilder,
    stdio: &Stdio,
    most: usize,
) -> &'a mut WasiCtxBuilder {
    builder
        .max_random_size(most as u64)
        .stdin(MemoryInputPipe::new(Bytes::new()))
        .stdout(Written(stdio.output.clone()))
        .stderr(Written(stdio.errors.clone()))
        .allow_tcp(false)
        .allow_udp(false)
}

fn wasi(grants: &Grants, stdio: &Stdio, most: usize) -> Result<WasiCtxBuilder, Error> {
    let mut builder = WasiCtx::builder();
    closed(&mut builder, stdio, most);
    if grants.stdio {
        builder.inherit_stdio();
    }
    builder.args(&grants.args).envs(&grants.env);
    // The guest runs on its worker's thread: blocking that delays no other guest.
    builder.allow_blocking_current_thread(true);
    for dir in &grants.dirs {
        let perms = if dir.writable {
            FsPerms::ReadWrite
        } else {
            FsPerms::ReadOnly
        };
        builder
            .preopened_dir(&dir.host, &dir.guest, perms)
            .map_err(|error| Error::Directory {
                path: dir.host.display().to_string(),
                reason: format!("{error:#}"),
            })?;
    }
    Ok(builder)
}

/// The part of the state for inferences.
pub(crate) struct NnCtx {
    pub(crate) host: NnHost,
    pub(crate) graphs: GraphGrant,
    pub(crate) load: bool,
    /// Made with the first tensor; taken out during a run.
    scratch: Option<Box<Scratch>>,
    /// Tensors whose bytes Wasmtime is lowering; they are used again afterwards.
    lent: Vec<Tensor>,
    /// The tensors to which the guest has handles.
    pub(crate) tensors: Slab<TensorEntry>,
    /// Their bytes.
    pub(crate) held_bytes: usize,
    /// The graphs that the guest loaded from bytes, with their number of bytes. The references of graphs that
    /// it dropped are dead.
    models: Vec<(Weak<Graph>, usize)>,
    /// Made with the first model.
    loader: OnceCell<Box<dyn Loader>>,
    pub(crate) tensor_bytes: usize,
    pub(crate) model_bytes: usize,
    inference: Budget,
    deadline: Option<Deadline>,
    /// What was refused in this call because a grant is missing.
    pub(crate) missing: Cell<Missing>,
}

impl NnCtx {
    /// A call begins.
    pub(crate) fn begin(&mut self, deadline: Option<Deadline>) {
        self.deadline = deadline;
    }

    /// The deadline of an inference that begins now (`start`).
    pub(crate) fn inference_deadline(&self, start: Stamp) -> Deadline {
        let own = self.inference.from(start);
        self.deadline.map_or(own, |frame| frame.min(own))
    }

    /// Takes the scratch out for a run, whose tensors may have the bytes that are left of the limit. It must
    /// be put back after the run. `handed_over` bytes are still counted but are consumed by the call, so the
    /// run's outputs may use them too.
    pub(crate) fn take_scratch(&mut self, handed_over: usize) -> Result<Box<Scratch>, NnError> {
        let mut scratch = match self.scratch.take() {
            Some(scratch) => scratch,
            None => Box::new(Scratch::with(self.host.caller)?),
        };
        let held = self.held_bytes.saturating_sub(handed_over);
        scratch.allow(self.tensor_bytes.saturating_sub(held));
        Ok(scratch)
    }

    pub(crate) fn put_scratch(&mut self, scratch: Box<Scratch>) {
        self.scratch = Some(scratch);
    }

    /// A tensor of this many bytes for the guest, to be filled. It is counted against the limit.
    pub(crate) fn tensor(
        &mut self,
        ty: TensorType,
        dimensions: &[u32],
        bytes: usize,
    ) -> Result<Tensor, Refusal> {
        self.hold(bytes)?;
        let places = self.loader.get().and_then(|loader| loader.places());
        let tensor = self.take_scratch(0).and_then(|mut scratch| {
            if let Some(places) = places {
                scratch.place_at(places);
            }
            let tensor = scratch.tensor(ty, dimensions);
            self.put_scratch(scratch);
            tensor
        });
        if tensor.is_err() {
            self.let_go(bytes);
        }
        Ok(tensor?)
    }

    /// Counts a tensor that the guest will hold.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Refusal> {
        let held = self.held_bytes.saturating_add(bytes);
        if held > self.tensor_bytes {
            return Err(over_tensors(self.tensor_bytes, held));
        }
        self.held_bytes = held;
        Ok(())
    }

    /// Whether a model of this many bytes fits beside those that the guest holds.
    pub(crate) fn check_model(&self, bytes: usize) -> Result<(), Refusal> {
        let alive = self
            .models
            .iter()
            .filter(|(model, _)| model.strong_count() > 0);
        let held: usize = alive.map(|(_, bytes)| bytes).sum();
        let held = held.saturating_add(bytes);
        if held <= self.model_bytes {
            return Ok(());
        }
        let what = "the instance's models";
        Err(Refusal::over(
            Limit::ModelBytes,
            what,
            self.model_bytes,
            held,
        ))
    }

    /// Loads a model from bytes, before the end of the current call's time.
    pub(crate) fn load(&self, bytes: &[u8], options: &GraphOptions) -> Result<Arc<Graph>, NnError> {
        let loader = self.loader.get_or_init(|| self.host.models.for_instance());
        loader.load(bytes, options, self.deadline)
    }

    /// Counts a model that the guest has loaded, until it is dropped.
    pub(crate) fn keep_model(&mut self, model: &Arc<Graph>, bytes: usize) {
        self.models.retain(|(model, _)| model.strong_count() > 0);
        self.models.push((Arc::downgrade(model), bytes));
    }

    /// The guest no longer holds this many bytes of tensors.
    pub(crate) fn let_go(&mut self, bytes: usize) {
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
    }

    /// The guest no longer holds this tensor.
    pub(crate) fn release(&mut self, tensor: Tensor) {
        self.let_go(tensor.bytes().len());
        self.recycle(tensor);
    }

    /// A tensor's bytes, for Wasmtime to lower directly from the tensor's memory.
    pub(crate) fn lend(&mut self, tensor: Tensor) -> Elements {
        let elements = tensor.share();
        self.lent.push(tensor);
        elements
    }

    /// Makes the lent tensors usable again whose bytes were lowered.
    pub(crate) fn reclaim(&mut self) {
        while let Some(tensor) = self.lent.pop() {
            self.recycle(tensor);
        }
    }

    fn recycle(&mut self, tensor: Tensor) {
        // A tensor whose bytes are still being lowered is not taken back.
        if let Some(scratch) = &mut self.scratch {
            scratch.recycle(tensor);
        }
    }
}

#[cold]
fn over_tensors(most: usize, came: usize) -> Refusal {
    let what = "the instance's tensors";
    Refusal::over(Limit::TensorBytes, what, most, came)
}

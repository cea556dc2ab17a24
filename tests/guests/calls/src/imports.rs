//! The imports by their raw signatures, as the component model lowers them: numbers, no types.
#![allow(unsafe_code, reason = "imports are declared so")]
#![allow(clippy::unit_arg, reason = "a line a function")]

use crate::interpreter::Function;

/// Declares the functions of one interface. To the compiler they are safe: what the host writes it
/// writes into this guest's own memory, and that this goes wrong is what is tried.
macro_rules! interface {
    ($module:ident = $interface:literal; $($name:ident = $link:literal ($($argument:ident),*) $(-> $result:ty)?;)*) => {
        mod $module {
            #[link(wasm_import_module = $interface)]
            unsafe extern "C" {
                $(
                    #[link_name = $link]
                    pub(super) safe fn $name($($argument: u32),*) $(-> $result)?;
                )*
            }
        }
    };
}

interface! { graph = "wasi:nn/graph@0.2.0-rc-2024-10-28";
    init = "[method]graph.init-execution-context"(this, out);
    load = "load"(list, count, encoding, target, out);
    by_name = "load-by-name"(name, bytes, out);
    drop = "[resource-drop]graph"(this);
}

interface! { tensor = "wasi:nn/tensor@0.2.0-rc-2024-10-28";
    new = "[constructor]tensor"(dims, rank, ty, data, bytes) -> u32;
    dimensions = "[method]tensor.dimensions"(this, out);
    ty = "[method]tensor.ty"(this) -> u32;
    data = "[method]tensor.data"(this, out);
    drop = "[resource-drop]tensor"(this);
}

interface! { errors = "wasi:nn/errors@0.2.0-rc-2024-10-28";
    code = "[method]error.code"(this) -> u32;
    data = "[method]error.data"(this, out);
    drop = "[resource-drop]error"(this);
}

interface! { inference = "wasi:nn/inference@0.2.0-rc-2024-10-28";
    compute = "[method]graph-execution-context.compute"(this, list, count, out);
    drop = "[resource-drop]graph-execution-context"(this);
}

interface! { older_graph = "wasi:nn/graph@0.2.0-rc-2024-08-19";
    init = "[method]graph.init-execution-context"(this, out);
    by_name = "load-by-name"(name, bytes, out);
    drop = "[resource-drop]graph"(this);
}

interface! { older_tensor = "wasi:nn/tensor@0.2.0-rc-2024-08-19";
    new = "[constructor]tensor"(dims, rank, ty, data, bytes) -> u32;
    dimensions = "[method]tensor.dimensions"(this, out);
    ty = "[method]tensor.ty"(this) -> u32;
    data = "[method]tensor.data"(this, out);
    drop = "[resource-drop]tensor"(this);
}

interface! { older_errors = "wasi:nn/errors@0.2.0-rc-2024-08-19";
    code = "[method]error.code"(this) -> u32;
    data = "[method]error.data"(this, out);
    drop = "[resource-drop]error"(this);
}

interface! { older_inference = "wasi:nn/inference@0.2.0-rc-2024-08-19";
    set_input = "[method]graph-execution-context.set-input"(this, name, bytes, tensor, out);
    compute = "[method]graph-execution-context.compute"(this, out);
    get_output = "[method]graph-execution-context.get-output"(this, name, bytes, out);
    drop = "[resource-drop]graph-execution-context"(this);
}

interface! { ours = "tollgate:nn/inference@0.1.0";
    describe = "describe"(graph, out);
    infer = "infer"(graph, list, count, out);
}

interface! { prepared = "tollgate:nn/prepared@0.1.0";
    prepare = "prepare"(graph, list, count, out);
    run = "[method]prepared.run"(this, list, count, out);
    run_one = "[method]prepared.run-one"(this, data, bytes, out);
    outputs = "[method]prepared.outputs"(this, out);
    drop = "[resource-drop]prepared"(this);
}

/// The place of `load` in both tables.
pub(crate) const LOAD: usize = 0;

/// `wasi:nn`, the newer version and the older one.
pub(crate) const STANDARD: &[Function] = &[
    (5, |[a, b, c, d, e]| done(graph::load(a, b, c, d, e))),
    (2, |[a, b, ..]| done(graph::init(a, b))),
    (3, |[a, b, c, ..]| done(graph::by_name(a, b, c))),
    (1, |[a, ..]| done(graph::drop(a))),
    (5, |[a, b, c, d, e]| Some(tensor::new(a, b, c, d, e))),
    (2, |[a, b, ..]| done(tensor::dimensions(a, b))),
    (1, |[a, ..]| Some(tensor::ty(a))),
    (2, |[a, b, ..]| done(tensor::data(a, b))),
    (1, |[a, ..]| done(tensor::drop(a))),
    (1, |[a, ..]| Some(errors::code(a))),
    (2, |[a, b, ..]| done(errors::data(a, b))),
    (1, |[a, ..]| done(errors::drop(a))),
    (4, |[a, b, c, d, ..]| done(inference::compute(a, b, c, d))),
    (1, |[a, ..]| done(inference::drop(a))),
    (2, |[a, b, ..]| done(older_graph::init(a, b))),
    (3, |[a, b, c, ..]| done(older_graph::by_name(a, b, c))),
    (1, |[a, ..]| done(older_graph::drop(a))),
    (5, |[a, b, c, d, e]| Some(older_tensor::new(a, b, c, d, e))),
    (2, |[a, b, ..]| done(older_tensor::dimensions(a, b))),
    (1, |[a, ..]| Some(older_tensor::ty(a))),
    (2, |[a, b, ..]| done(older_tensor::data(a, b))),
    (1, |[a, ..]| done(older_tensor::drop(a))),
    (1, |[a, ..]| Some(older_errors::code(a))),
    (2, |[a, b, ..]| done(older_errors::data(a, b))),
    (1, |[a, ..]| done(older_errors::drop(a))),
    (5, |[a, b, c, d, e]| {
        done(older_inference::set_input(a, b, c, d, e))
    }),
    (2, |[a, b, ..]| done(older_inference::compute(a, b))),
    (4, |[a, b, c, d, ..]| {
        done(older_inference::get_output(a, b, c, d))
    }),
    (1, |[a, ..]| done(older_inference::drop(a))),
];

/// `tollgate:nn`, and what it takes of `wasi:nn`.
pub(crate) const TOLLGATE: &[Function] = &[
    (5, |[a, b, c, d, e]| done(graph::load(a, b, c, d, e))),
    (2, |[a, b, ..]| done(graph::init(a, b))),
    (3, |[a, b, c, ..]| done(graph::by_name(a, b, c))),
    (1, |[a, ..]| done(graph::drop(a))),
    (1, |[a, ..]| Some(errors::code(a))),
    (2, |[a, b, ..]| done(errors::data(a, b))),
    (1, |[a, ..]| done(errors::drop(a))),
    (2, |[a, b, ..]| done(ours::describe(a, b))),
    (4, |[a, b, c, d, ..]| done(ours::infer(a, b, c, d))),
    (4, |[a, b, c, d, ..]| done(prepared::prepare(a, b, c, d))),
    (4, |[a, b, c, d, ..]| done(prepared::run(a, b, c, d))),
    (4, |[a, b, c, d, ..]| done(prepared::run_one(a, b, c, d))),
    (2, |[a, b, ..]| done(prepared::outputs(a, b))),
    (1, |[a, ..]| done(prepared::drop(a))),
];

fn done((): ()) -> Option<u32> {
    None
}

/// A call that is made while the host is in the middle of one.
pub(crate) fn from_within() -> u32 {
    tensor::new(0, 0, 0, 0, 0)
}

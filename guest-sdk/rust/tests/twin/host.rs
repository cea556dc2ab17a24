//! A host that stands behind the table of functions, and one plugin in it.

use std::{cell::Cell, ffi::c_void, ptr, slice};

use tollgate_twin_abi as abi;

unsafe extern "C" {
    pub fn tollgate_twin_v2() -> abi::Twin;
}

/// The host that stands behind the table.
#[derive(Default)]
pub struct FakeHost {
    pub loaded: Cell<u32>,
    pub dropped: Cell<u32>,
}

fn bytes(bytes: &[u8]) -> abi::Bytes {
    abi::Bytes {
        ptr: bytes.as_ptr(),
        len: bytes.len(),
    }
}

/// # Safety
/// As for any slice.
unsafe fn read(bytes: abi::Bytes) -> Vec<u8> {
    if bytes.ptr.is_null() {
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    unsafe { slice::from_raw_parts(bytes.ptr, bytes.len) }.to_vec()
}

unsafe extern "C" fn load_by_name(
    host: *mut c_void,
    name: abi::Bytes,
    graph: *mut u64,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    // SAFETY: called by the twin with what `Session` gave it.
    unsafe {
        if read(name) != b"double" {
            fail(context, 6, bytes(b"no graph of that name"));
            return false;
        }
        let host = &*host.cast::<FakeHost>();
        host.loaded.set(host.loaded.get() + 1);
        *graph = 7;
    }
    true
}

unsafe extern "C" fn drop_graph(host: *mut c_void, graph: u64) {
    assert_eq!(graph, 7);
    // SAFETY: as in `load_by_name`.
    let host = unsafe { &*host.cast::<FakeHost>() };
    host.dropped.set(host.dropped.get() + 1);
}

unsafe extern "C" fn describe(
    _host: *mut c_void,
    graph: u64,
    info: abi::InfoSink,
    device: abi::TextSink,
    _fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    assert_eq!(graph, 7);
    let dimensions = [-1i64, 3];
    let describe = |name: &'static [u8], ty| abi::TensorInfo {
        name: bytes(name),
        ty,
        dimensions: dimensions.as_ptr(),
        rank: dimensions.len(),
    };
    // SAFETY: the sinks belong to the context, and what they are given outlives the calls.
    unsafe {
        info(context, false, &describe(b"x", 4));
        info(context, true, &describe(b"y", 1));
        device(context, 0, bytes(b"cpu"));
    }
    true
}

unsafe extern "C" fn infer(
    _host: *mut c_void,
    graph: u64,
    inputs: *const abi::TensorRef,
    count: usize,
    outputs: abi::TensorSink,
    fail: abi::TextSink,
    context: *mut c_void,
) -> bool {
    assert_eq!(graph, 7);
    // SAFETY: the twin's inputs live through the call, as do the outputs made here.
    unsafe {
        let inputs = slice::from_raw_parts(inputs, count);
        let data = read(inputs[0].data);
        if data.is_empty() {
            fail(context, 0, bytes(b"input 'x' is empty"));
            return false;
        }
        assert_eq!(*inputs[0].dimensions, data.len() as u32);
        let names: Vec<_> = inputs.iter().map(|input| read(input.name)).collect();
        if count == 2 {
            assert_eq!(names, [b"a", b"b"]);
        }
        let doubled: Vec<u8> = data.iter().map(|byte| byte * 2).collect();
        let dimensions = [data.len() as u32];
        let y = abi::TensorRef {
            name: bytes(b"y"),
            ty: 4,
            dimensions: dimensions.as_ptr(),
            rank: 1,
            data: bytes(&doubled),
        };
        outputs(context, &y);
        let sum = data
            .iter()
            .map(|byte| i64::from(*byte))
            .sum::<i64>()
            .to_le_bytes();
        let scalar = abi::TensorRef {
            name: bytes(b"sum"),
            ty: 6,
            dimensions: ptr::null(),
            rank: 0,
            data: bytes(&sum),
        };
        outputs(context, &scalar);
    }
    true
}

pub type Said = Vec<(u8, String)>;

/// What is not asked of this host: configuration, log and buckets are tested with a real one, in
/// the workspace's `tests`.
mod unasked {
    use std::ffi::c_void;

    use tollgate_twin_abi::{Bytes, BytesSink, Cursor, TextSink};

    type Context = *mut c_void;

    pub extern "C" fn config(_: Context, _: Bytes, _: BytesSink, _: Context) {
        panic!("nobody asks");
    }
    pub extern "C" fn log(_: Context, _: u8, _: Bytes, _: Bytes) {
        panic!("nobody asks");
    }
    pub extern "C" fn open(_: Context, _: Bytes, _: *mut u64, _: TextSink, _: Context) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn dropped(_: Context, _: u64) {
        panic!("nobody asks");
    }
    pub extern "C" fn get(
        _: Context,
        _: u64,
        _: Bytes,
        _: BytesSink,
        _: TextSink,
        _: Context,
    ) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn set(_: Context, _: u64, _: Bytes, _: Bytes, _: TextSink, _: Context) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn delete(_: Context, _: u64, _: Bytes, _: TextSink, _: Context) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn exists(
        _: Context,
        _: u64,
        _: Bytes,
        _: *mut bool,
        _: TextSink,
        _: Context,
    ) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn increment(
        _: Context,
        _: u64,
        _: Bytes,
        _: u64,
        _: *mut u64,
        _: TextSink,
        _: Context,
    ) -> bool {
        panic!("nobody asks");
    }
    pub extern "C" fn keys(
        _: Context,
        _: u64,
        _: *mut Cursor,
        _: BytesSink,
        _: TextSink,
        _: Context,
    ) -> bool {
        panic!("nobody asks");
    }
}

pub unsafe extern "C" fn on_fail(context: *mut c_void, code: u8, text: abi::Bytes) {
    // SAFETY: `context` is the `Answer` of the call that is on.
    let (answer, text) = unsafe { (&mut *context.cast::<Answer>(), read(text)) };
    answer.said.push((code, String::from_utf8(text).unwrap()));
}

unsafe extern "C" fn on_output(context: *mut c_void, output: *const abi::Output) {
    // SAFETY: `context` is the `Answer` of the call that is on, and `output` lives through it.
    unsafe {
        let output = &*output;
        let text = |bytes| String::from_utf8(read(bytes)).unwrap();
        (*context.cast::<Answer>()).outputs.push((
            text(output.name),
            text(output.content_type),
            read(output.data),
        ));
    }
}

#[derive(Default)]
pub struct Answer {
    pub said: Said,
    pub outputs: Vec<(String, String, Vec<u8>)>,
}

/// One plugin in one host.
pub struct Session {
    pub host: Box<FakeHost>,
    // The twin keeps no pointer to the table, but a host may not count on that.
    _table: Box<abi::Host>,
    pub twin: abi::Twin,
    pub plugin: *mut c_void,
}

impl Session {
    pub fn with_abi(version: u32) -> Result<Self, Said> {
        let host = Box::new(FakeHost::default());
        let table = Box::new(abi::Host {
            abi: version,
            host: ptr::from_ref(&*host).cast_mut().cast(),
            load_by_name,
            drop_graph,
            describe,
            infer,
            config: unasked::config,
            log: unasked::log,
            open_bucket: unasked::open,
            drop_bucket: unasked::dropped,
            bucket_get: unasked::get,
            bucket_set: unasked::set,
            bucket_delete: unasked::delete,
            bucket_exists: unasked::exists,
            bucket_increment: unasked::increment,
            bucket_keys: unasked::keys,
        });
        let mut answer = Answer::default();
        // SAFETY: the table and the host outlive the plugin, which `Drop` drops first.
        let (twin, plugin) = unsafe {
            let twin = tollgate_twin_v2();
            (
                twin,
                (twin.create)(&*table, on_fail, ptr::from_mut(&mut answer).cast()),
            )
        };
        assert_eq!(twin.abi, abi::ABI_VERSION);
        if plugin.is_null() {
            Err(answer.said)
        } else {
            Ok(Self {
                host,
                _table: table,
                twin,
                plugin,
            })
        }
    }

    pub fn new() -> Self {
        Self::with_abi(abi::ABI_VERSION).unwrap()
    }

    pub fn handle(
        &self,
        command: &str,
        data: &[u8],
    ) -> Result<Vec<(String, String, Vec<u8>)>, Said> {
        let frame = abi::Frame {
            sequence: 3,
            acquired_ns: 5,
            source: bytes(b"camera"),
            content_type: bytes(command.as_bytes()),
            data: bytes(data),
        };
        let mut answer = Answer::default();
        // SAFETY: the plugin is there until `Drop`, and the frame and the answer live here.
        let done = unsafe {
            (self.twin.handle)(
                self.plugin,
                &frame,
                on_output,
                on_fail,
                ptr::from_mut(&mut answer).cast(),
            )
        };
        assert_eq!(done, answer.said.is_empty());
        if done {
            Ok(answer.outputs)
        } else {
            Err(answer.said)
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: made by `create`, and dropped once.
        unsafe { (self.twin.drop)(self.plugin) }
    }
}

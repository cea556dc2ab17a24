//! The host's functions for a twin, as one table of the C ABI.

use std::ptr;

use tollgate_twin_abi as abi;

use super::{graphs, services};

/// The functions, without the host that they are called with.
pub(super) fn functions() -> abi::Host {
    abi::Host {
        abi: abi::ABI_VERSION,
        host: ptr::null_mut(),
        load_by_name: graphs::load_by_name,
        drop_graph: graphs::drop_graph,
        describe: graphs::describe,
        infer: graphs::infer,
        config: services::config,
        log: services::log,
        open_bucket: services::open_bucket,
        drop_bucket: services::drop_bucket,
        bucket_get: services::bucket_get,
        bucket_set: services::bucket_set,
        bucket_delete: services::bucket_delete,
        bucket_exists: services::bucket_exists,
        bucket_increment: services::bucket_increment,
        bucket_keys: services::bucket_keys,
    }
}

//! Files that the host reads or writes besides plugins and models: cache, buckets, Python.

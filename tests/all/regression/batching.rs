//! Which graphs are merged, and that merging never changes what an inference gives.

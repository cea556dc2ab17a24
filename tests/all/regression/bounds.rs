//! What a guest can make the host keep, and that every limit does what its name says.

//! Models that are unusual but legal, and files that are no models at all.

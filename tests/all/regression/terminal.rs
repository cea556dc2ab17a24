//! What somebody at a terminal sees: outputs, reports, refusals, escapes.

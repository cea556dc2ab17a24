//! What somebody who writes a plugin is told when it goes wrong.

//! `tune`: the search for the settings that suit a plugin, its models and this machine.

pub mod choose;
pub mod front;
pub mod halving;
pub mod levels;
pub mod space;
pub mod trial;

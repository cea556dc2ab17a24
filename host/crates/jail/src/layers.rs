//! The layers of confinement, and what to do about one that the machine lacks.

use std::{fmt, str::FromStr};

/// One layer of a helper's confinement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// It is killed when the host's thread that started it ends.
    DiesWithHost,
    /// It is in a session and process group of its own, without a terminal.
    OwnSession,
    /// No program that it starts has more rights than it has itself.
    NoNewPrivileges,
    /// It has no descriptors but those it was handed.
    Descriptors,
    /// Its address space, processor time, result and open files are bounded; it leaves no core dump.
    Limits,
    /// Other processes of its user cannot look into it.
    NotDumpable,
    /// It opens no file and no port, and signals no process outside.
    Landlock,
    /// It has no system calls but the few that computing needs.
    Seccomp,
}

impl Layer {
    /// All, in the order in which they are put on.
    pub const ALL: [Layer; 8] = [
        Layer::DiesWithHost,
        Layer::OwnSession,
        Layer::NoNewPrivileges,
        Layer::Descriptors,
        Layer::Limits,
        Layer::NotDumpable,
        Layer::Landlock,
        Layer::Seccomp,
    ];

    /// Those of a helper that is apart and not confined. None of them keeps a library from files or devices.
    #[cfg(target_os = "linux")]
    pub(crate) const APART: [Layer; 4] = [
        Layer::DiesWithHost,
        Layer::OwnSession,
        Layer::NoNewPrivileges,
        // No core dump either, wherever the system puts these.
        Layer::NotDumpable,
    ];

    /// Its name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Layer::DiesWithHost => "dies-with-host",
            Layer::OwnSession => "own-session",
            Layer::NoNewPrivileges => "no-new-privileges",
            Layer::Descriptors => "descriptors",
            Layer::Limits => "limits",
            Layer::NotDumpable => "not-dumpable",
            Layer::Landlock => "landlock",
            Layer::Seccomp => "seccomp",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Layer {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let found = Self::ALL.into_iter().find(|layer| layer.name() == text);
        found.ok_or(())
    }
}

/// A layer that the machine lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub layer: Layer,
    /// The system's reason.
    pub reason: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.layer, self.reason)
    }
}

/// What to do about a layer that the machine lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strength {
    /// Nothing is done without it.
    Strict,
    /// Go on with the others, and say which is missing.
    #[default]
    Best,
    /// No helper at all: the work is done in the host's process.
    Off,
}

impl Strength {
    const ALL: [Strength; 3] = [Strength::Strict, Strength::Best, Strength::Off];

    /// The name that people type.
    pub const fn name(self) -> &'static str {
        match self {
            Strength::Strict => "strict",
            Strength::Best => "best",
            Strength::Off => "off",
        }
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Strength {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| format!("unknown strength `{text}`: expected strict, best or off"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for layer in Layer::ALL {
            assert_eq!(layer.name().parse(), Ok(layer));
        }
        for strength in Strength::ALL {
            assert_eq!(strength.name().parse(), Ok(strength));
        }
        assert!("much".parse::<Strength>().unwrap_err().contains("strict"));
    }
}

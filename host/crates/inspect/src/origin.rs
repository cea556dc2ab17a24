//! The language that a file was written in, if it can be recognised. A toolchain with an embedded
//! interpreter only names the interpreter's language, not the plugin's.

use crate::Producer;

/// Names that only an interpreter's libraries have, and the interpreter's language.
const INTERPRETERS: [(&str, &str); 2] = [
    ("libpython", "Python, by componentize-py"),
    (
        "componentize_qjs",
        "JavaScript or TypeScript, by componentize-qjs",
    ),
];

/// Toolchains that name themselves, and their language; the first match is used.
const BINDINGS: [(&str, &str); 2] = [
    ("wit-bindgen-rust", "Rust"),
    ("wit-bindgen-c", "C, C++ or Zig, over bindings for C"),
];

/// The language of the interpreter whose core module exports this name, if there is one.
pub(super) fn interpreter(name: &str) -> Option<&'static str> {
    let known = INTERPRETERS.iter().find(|(mark, _)| name.starts_with(mark));
    known.map(|&(_, written)| written)
}

/// The language, from the interpreter inside or from the toolchain's entries.
pub(super) fn of(interpreter: Option<&'static str>, producers: &[Producer]) -> Option<String> {
    let bindings = || {
        let by = |name: &str| producers.iter().any(|producer| producer.name == name);
        let known = BINDINGS.iter().find(|(name, _)| by(name));
        known.map(|&(_, written)| written)
    };
    if let Some(written) = interpreter.or_else(bindings) {
        return Some(written.to_owned());
    }
    let language = producers.iter().find(|one| one.role == "language");
    language.map(|one| one.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(role: &str, name: &str) -> Producer {
        Producer {
            role: role.to_owned(),
            name: name.to_owned(),
            version: String::new(),
        }
    }

    #[test]
    fn the_interpreter_counts_before_what_it_was_written_in() {
        let rust = [by("language", "Rust"), by("processed-by", "rustc")];
        let python = interpreter("libpython3.14.so:memory_base");
        assert_eq!(
            of(python, &rust),
            Some("Python, by componentize-py".to_owned())
        );
        assert_eq!(of(interpreter("memory"), &rust), Some("Rust".to_owned()));
        let both = [
            by("processed-by", "wit-bindgen-c"),
            by("processed-by", "wit-bindgen-rust"),
        ];
        assert_eq!(of(None, &both), Some("Rust".to_owned()));
        assert_eq!(of(None, &[]), None);
    }
}

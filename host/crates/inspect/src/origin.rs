//! What a file was written in, as far as it shows: toolchains that bring an interpreter say of
//! themselves what that was written in, and nothing of the plugin.

use crate::Producer;

/// Names that only the libraries of an interpreter have, and what is written for it.
const INTERPRETERS: [(&str, &str); 2] = [
    ("libpython", "Python, by componentize-py"),
    (
        "componentize_qjs",
        "JavaScript or TypeScript, by componentize-qjs",
    ),
];

/// Toolchains that say what they are, and what they are for; the first that is there counts.
const BINDINGS: [(&str, &str); 2] = [
    ("wit-bindgen-rust", "Rust"),
    ("wit-bindgen-c", "C, C++ or Zig, over bindings for C"),
];

/// The interpreter that a core module inside exports this name of, if it is one's.
pub(super) fn interpreter(name: &str) -> Option<&'static str> {
    let known = INTERPRETERS.iter().find(|(mark, _)| name.starts_with(mark));
    known.map(|&(_, written)| written)
}

/// By the interpreter that is inside, or by what the toolchain says.
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

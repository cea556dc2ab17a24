//! Standard output and error, as a standard library of WASI 0.2 reaches them.

#[cfg(target_family = "wasm")]
mod bindings {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::undocumented_unsafe_blocks,
        clippy::unreachable,
        reason = "generated"
    )]
    wit_bindgen::generate!({
        inline: r#"
            package test:remarks;

            world remarks {
                import wasi:cli/stdout@0.2.6;
                import wasi:cli/stderr@0.2.6;
            }

            package wasi:io@0.2.6 {
                interface error {
                    resource error;
                }
                interface streams {
                    use error.{error};
                    variant stream-error {
                        last-operation-failed(error),
                        closed,
                    }
                    resource output-stream {
                        blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
                    }
                }
            }

            package wasi:cli@0.2.6 {
                interface stdout {
                    use wasi:io/streams@0.2.6.{output-stream};
                    get-stdout: func() -> output-stream;
                }
                interface stderr {
                    use wasi:io/streams@0.2.6.{output-stream};
                    get-stderr: func() -> output-stream;
                }
            }
        "#,
        generate_all,
    });
}

#[cfg(target_family = "wasm")]
mod ways {
    use super::bindings::wasi::{
        cli::{stderr::get_stderr, stdout::get_stdout},
        io::streams::OutputStream,
    };

    /// The most that the interface takes at once.
    const AT_ONCE: usize = 4096;

    fn write(stream: &OutputStream, text: &str) {
        for part in text.as_bytes().chunks(AT_ONCE) {
            stream.blocking_write_and_flush(part).ok();
        }
    }

    pub fn out(text: &str) {
        write(&get_stdout(), text);
    }

    pub fn err(text: &str) {
        write(&get_stderr(), text);
    }
}

#[cfg(not(target_family = "wasm"))]
mod ways {
    use std::io::Write;

    pub fn out(text: &str) {
        std::io::stdout().write_all(text.as_bytes()).ok();
    }

    pub fn err(text: &str) {
        std::io::stderr().write_all(text.as_bytes()).ok();
    }
}

pub use ways::{err, out};

//! What core modules may import, as a table that needs no engine: inspecting a file and running it then
//! report the same.
//!
//! A test of `tollgate-runtime` compares it with the linker.

use std::fmt::Write;

/// A function that core modules may import: its module, its name, its parameters as one letter each (`i` for
/// i32, `I` for i64), and whether it returns an i32.
type Row = (&'static str, &'static str, &'static str, bool);

const PREVIEW1: &str = "wasi_snapshot_preview1";
const NN: &str = "wasi_ephemeral_nn";

const OFFERED: [Row; 52] = [
    (PREVIEW1, "args_get", "ii", true),
    (PREVIEW1, "args_sizes_get", "ii", true),
    (PREVIEW1, "clock_res_get", "ii", true),
    (PREVIEW1, "clock_time_get", "iIi", true),
    (PREVIEW1, "environ_get", "ii", true),
    (PREVIEW1, "environ_sizes_get", "ii", true),
    (PREVIEW1, "fd_advise", "iIIi", true),
    (PREVIEW1, "fd_allocate", "iII", true),
    (PREVIEW1, "fd_close", "i", true),
    (PREVIEW1, "fd_datasync", "i", true),
    (PREVIEW1, "fd_fdstat_get", "ii", true),
    (PREVIEW1, "fd_fdstat_set_flags", "ii", true),
    (PREVIEW1, "fd_fdstat_set_rights", "iII", true),
    (PREVIEW1, "fd_filestat_get", "ii", true),
    (PREVIEW1, "fd_filestat_set_size", "iI", true),
    (PREVIEW1, "fd_filestat_set_times", "iIIi", true),
    (PREVIEW1, "fd_pread", "iiiIi", true),
    (PREVIEW1, "fd_prestat_dir_name", "iii", true),
    (PREVIEW1, "fd_prestat_get", "ii", true),
    (PREVIEW1, "fd_pwrite", "iiiIi", true),
    (PREVIEW1, "fd_read", "iiii", true),
    (PREVIEW1, "fd_readdir", "iiiIi", true),
    (PREVIEW1, "fd_renumber", "ii", true),
    (PREVIEW1, "fd_seek", "iIii", true),
    (PREVIEW1, "fd_sync", "i", true),
    (PREVIEW1, "fd_tell", "ii", true),
    (PREVIEW1, "fd_write", "iiii", true),
    (PREVIEW1, "path_create_directory", "iii", true),
    (PREVIEW1, "path_filestat_get", "iiiii", true),
    (PREVIEW1, "path_filestat_set_times", "iiiiIIi", true),
    (PREVIEW1, "path_link", "iiiiiii", true),
    (PREVIEW1, "path_open", "iiiiiIIii", true),
    (PREVIEW1, "path_readlink", "iiiiii", true),
    (PREVIEW1, "path_remove_directory", "iii", true),
    (PREVIEW1, "path_rename", "iiiiii", true),
    (PREVIEW1, "path_symlink", "iiiii", true),
    (PREVIEW1, "path_unlink_file", "iii", true),
    (PREVIEW1, "poll_oneoff", "iiii", true),
    (PREVIEW1, "proc_exit", "i", false),
    (PREVIEW1, "proc_raise", "i", true),
    (PREVIEW1, "random_get", "ii", true),
    (PREVIEW1, "sched_yield", "", true),
    (PREVIEW1, "sock_accept", "iii", true),
    (PREVIEW1, "sock_recv", "iiiiii", true),
    (PREVIEW1, "sock_send", "iiiii", true),
    (PREVIEW1, "sock_shutdown", "ii", true),
    (NN, "load", "iiiii", true),
    (NN, "load_by_name", "iii", true),
    (NN, "init_execution_context", "ii", true),
    (NN, "set_input", "iii", true),
    (NN, "compute", "i", true),
    (NN, "get_output", "iiiii", true),
];

/// The type of `handle`, which makes a core module a plugin.
pub const HANDLE: &str = "(func (result i32))";
/// The type of `_start`, which makes it a command, and of `_initialize`.
pub const START: &str = "(func)";

/// The module and the name of each function that core modules may import.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    OFFERED.iter().map(|row| (row.0, row.1))
}

/// The type, as text, of a function that core modules may import; none if it is not offered.
pub fn offered(module: &str, name: &str) -> Option<String> {
    let row = OFFERED
        .iter()
        .find(|row| row.0 == module && row.1 == name)?;
    let params = row.2.chars().map(|letter| match letter {
        'I' => "i64",
        _ => "i32",
    });
    Some(signature(params, row.3.then_some("i32")))
}

/// A function's type as text: `(func (param i32 i64) (result i32))`.
pub fn signature<T: AsRef<str>>(
    params: impl IntoIterator<Item = T>,
    results: impl IntoIterator<Item = T>,
) -> String {
    let mut text = String::from("(func");
    list(&mut text, "param", params);
    list(&mut text, "result", results);
    text.push(')');
    text
}

fn list<T: AsRef<str>>(text: &mut String, name: &str, types: impl IntoIterator<Item = T>) {
    /// How many parameters a message shows: more than a reader needs.
    const SHOWN: usize = 16;
    let mut count = 0;
    for ty in types {
        if count == 0 {
            // Writing into a `String` cannot fail.
            write!(text, " ({name}").ok();
        }
        if count < SHOWN {
            write!(text, " {}", ty.as_ref()).ok();
        }
        count += 1;
    }
    if count > SHOWN {
        write!(text, " and {} more", count - SHOWN).ok();
    }
    if count > 0 {
        text.push(')');
    }
}

/// What is wrong with an import of this type, if anything is.
pub fn refused(module: &str, name: &str, ty: &str) -> Option<String> {
    match offered(module, name) {
        None => Some(format!("`{module}.{name}` {ty} is not offered")),
        Some(offered) if offered == ty => None,
        Some(offered) => Some(format!(
            "`{module}.{name}` is imported as {ty} and offered as {offered}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_named_with_its_type() {
        let write = "(func (param i32 i32 i32 i32) (result i32))";
        assert_eq!(refused(PREVIEW1, "fd_write", write), None);
        let wrong = refused(PREVIEW1, "fd_write", "(func)").unwrap();
        assert!(
            wrong.contains("as (func)") && wrong.contains(write),
            "{wrong}"
        );
        let unknown = refused("env", "abort", "(func (param i32))").unwrap();
        assert!(
            unknown.contains("`env.abort` (func (param i32))"),
            "{unknown}"
        );
        let long = signature(vec!["i32"; 1000], []);
        assert!(long.len() < 200 && long.contains("984 more"), "{long}");
    }
}

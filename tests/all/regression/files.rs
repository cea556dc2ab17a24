//! Files that the host reads or writes besides plugins and models: cache, packed plugins.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use tollgate_deploy::cache::{Cache, Origin};
use tollgate_deploy::compile::Compiler;
use tollgate_jail::Strength;

use crate::{
    cli::{path, run, tollgate},
    support::{ENGINE, case_wat, component, has},
};

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("metadata");
    metadata.permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}

/// `code cache`: the case's other user needs root; what is asked of owners is tested beside the code.
#[test]
fn a_cache_that_others_could_write_is_not_used() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("compiled");
    let plugin = home.path().join("guest.wasm");
    let small = case_wat("modules/gc.wat");
    fs::write(&plugin, &small).expect("written");
    let warned = || {
        let output = tollgate()
            .args(["run", path(&plugin), "-"])
            .env("XDG_CACHE_HOME", home.path().join("cache"))
            .env_remove("TOLLGATE_HOME")
            .stdin(std::process::Stdio::null())
            .output()
            .expect("it starts");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        stderr
    };
    assert!(!warned().contains("cached"), "a private one is used");
    let private = home.path().join("cache/tollgate/compiled");
    assert_eq!(fs::read_dir(&private).expect("a folder").count(), 2);

    // Another's folder, as far as anybody can tell.
    set_mode(&private, 0o777);
    has(&warned(), &["nothing is cached", "other users", "777"]);
    assert_eq!(mode(&private), 0o777, "left as it was");

    // A link in its place: its target is neither used nor changed.
    let target = home.path().join("target");
    fs::rename(&private, &target).expect("moved");
    set_mode(&target, 0o755);
    symlink(&target, &private).expect("a link");
    has(&warned(), &["nothing is cached", "symbolic link"]);
    assert_eq!(mode(&target), 0o755);

    // A folder above it that others can write.
    fs::remove_file(&private).expect("removed");
    set_mode(&home.path().join("cache"), 0o733);
    has(&warned(), &["nothing is cached", "other users"]);

    // An entry that others can write is compiled again.
    let cache = Cache::open(home.path()).expect("a cache");
    let origin = || {
        cache
            .load(&ENGINE, &small, &Compiler::new(Strength::Off))
            .expect("a plugin")
            .1
    };
    assert_eq!(origin(), Origin::Compiled);
    assert_eq!(origin(), Origin::Cached);
    for entry in fs::read_dir(&dir).expect("a folder") {
        set_mode(&entry.expect("an entry").path(), 0o666);
    }
    assert_eq!(origin(), Origin::Compiled);
    assert_eq!(origin(), Origin::Cached);
}

/// `pack-mode`
#[test]
fn what_is_packed_is_for_whom_the_umask_leaves_it_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let packed = folder.path().join("packed.wasm");
    let pack = |umask: &str, output: &Path| {
        let program = tollgate();
        let script = format!("umask {umask} && exec \"$0\" pack \"$1\" --output \"$2\"");
        let output = Command::new("sh")
            .args(["-c", &script])
            .arg(program.get_program())
            .arg(component("counter"))
            .arg(output)
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{output:?}");
    };
    pack("022", &packed);
    assert_eq!(mode(&packed), 0o644);
    fs::remove_file(&packed).expect("removed");
    pack("027", &packed);
    assert_eq!(mode(&packed), 0o640);
    // What is there keeps its permissions, and a link is written through.
    set_mode(&packed, 0o664);
    let link = folder.path().join("link.wasm");
    symlink(&packed, &link).expect("a link");
    pack("022", &link);
    assert_eq!(mode(&packed), 0o664);
    assert!(fs::symlink_metadata(&link).expect("metadata").is_symlink());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    // A device is written to, not replaced.
    let (code, _, stderr) = run(&["pack", path(&component("counter")), "--output", "/dev/null"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!fs::metadata("/dev/null").expect("metadata").is_file());
}

/// What has no length and no end is refused, not read for ever: each ends in a moment or never.
#[test]
fn pipes_and_devices_are_no_models_and_no_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe.onnx");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo starts").success());
    let plugin = component("counter");
    let refused = |options: &[&str], expected: &[&str]| {
        let arguments = [&["run", path(&plugin), "-"], options].concat();
        let (code, _, stderr) = run(&arguments);
        assert!(matches!(code, Some(1 | 2)), "{code:?} {stderr}");
        has(&stderr, expected);
    };
    let model = format!("graph={}", path(&pipe));
    refused(&["--model", &model], &["pipe.onnx", "it is not a file"]);
    refused(&["--settings", "/dev/zero"], &["/dev/zero"]);
    let (code, _, stderr) = run(&[
        "bench",
        path(&plugin),
        path(&component("counter")),
        "--truth",
        "/dev/zero",
    ]);
    assert!(matches!(code, Some(1 | 2)), "{code:?} {stderr}");
    has(&stderr, &["/dev/zero", "larger than"]);
}

#[test]
fn a_pattern_that_no_file_of_a_folder_matches_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.jpg"), "x").expect("written");
    let plugin = component("counter");
    let (code, _, stderr) = run(&[
        "run",
        path(&plugin),
        path(folder.path()),
        "--include",
        "*.png",
    ]);
    assert_eq!(code, Some(1));
    has(&stderr, &["no files whose names match `--include *.png`"]);
}

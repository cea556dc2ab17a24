//! Settings and what is typed: a file of settings, or the words of a command line. What is taken can
//! be written down, and means the same when it is read back.
#![no_main]

use std::{io::Write, path::Path};

use tollgate::cli::Cli;
use tollgate_deploy::settings::Settings;
use tollgate_deploy::values;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let Some((&way, text)) = text.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    match way {
        b'f' => file(text),
        b'c' => {
            let words = text.split('\n');
            let _ = <Cli as clap::Parser>::try_parse_from(["tollgate"].into_iter().chain(words));
        }
        _ => value(text),
    }
});

fn file(text: &str) {
    let Ok(settings) = read(text) else {
        return;
    };
    let written = settings.to_file("fuzz").expect("settings can be written");
    assert_eq!(read(&written).expect("what was written is read"), settings);
}

fn read(text: &str) -> Result<Settings, tollgate_deploy::settings::Error> {
    let mut file = tempfile::NamedTempFile::new_in("/dev/shm").expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    Settings::read(file.path())
}

fn value(text: &str) {
    let _ = values::size(text);
    if let Ok(duration) = values::duration(text) {
        let shown = values::show_duration(duration);
        assert_eq!(values::duration(&shown), Ok(duration), "{shown}");
    }
    if let Ok(model) = values::model(text) {
        assert!(!model.name.is_empty());
    }
    if let Ok(variant) = values::variant(text) {
        assert_eq!(values::variant(&variant.to_string()), Ok(variant));
    }
    if let Ok(config) = values::config(text) {
        assert_eq!(values::config(&config.to_string()), Ok(config));
    }
    if let Ok(bucket) = values::bucket(text) {
        assert!(bucket.path != Path::new(""));
    }
    let _ = values::dir(text);
    let _ = values::env(text);
    if let Ok(portion) = values::portion(text) {
        assert!(portion.is_finite());
    }
    if let Ok(share) = values::share(text) {
        assert!(share.is_finite());
    }
    let _ = values::rate(text);
}

//! A file of true values, and the scores of a plugin's outputs by it: never more right than there
//! are.
#![no_main]

use std::path::Path;

use tollgate_report::truth::{Score, Truth};
use tollgate_services::Output;

const NAMES: [&str; 3] = ["a.jpg", "b", "ü.pgm"];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The file, and after a zero what the plugin said.
    let mut parts = bytes.splitn(2, |&byte| byte == 0);
    let (text, said) = (parts.next().unwrap_or_default(), parts.next());
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Ok(truth) = Truth::parse(Path::new("truth.json"), text, NAMES.into_iter()) else {
        return;
    };
    let output = Output {
        name: "reading".into(),
        content_type: "application/json".into(),
        data: said.unwrap_or_default().to_vec(),
    };
    let mut score = Score::default();
    for name in NAMES {
        truth.score(
            name,
            said.map(|_| std::slice::from_ref(&output)),
            &mut score,
        );
    }
    assert!(score.values_right <= score.values, "{score:?}");
    assert!(score.frames_right <= score.frames, "{score:?}");
    assert!(score.frames <= NAMES.len(), "{score:?}");
    // Each frame has a value, and a right one has no wrong value.
    assert!(score.frames <= score.values, "{score:?}");
    if score.frames_right == score.frames {
        assert_eq!(score.values_right, score.values);
    }
});

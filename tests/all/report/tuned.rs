//! The page of `tollgate tune`, opened as its readers open it.

use std::sync::LazyLock;

use tollgate_report::{
    html::{Answer, Candidate, Tuned, tuned_page},
    record::Report,
};

use super::{
    HOSTILE,
    browser::{Browser, Scheme, measure},
    sample,
};
use crate::support::has;

static SAMPLE: LazyLock<Report> = LazyLock::new(sample);

const SECTIONS: [&str; 3] = ["answer", "candidates", "machine"];

/// The longest settings that a search may come to.
const LONG: &str = "digits:int8-quantised, 16 workers, cuda, 2 sessions, throughput x 1 thread, \
                    batches of 32 after 2ms";

fn candidates() -> Vec<Candidate> {
    let candidate = |label: &str, frames_per_second, p99_ns, on_front, chosen| Candidate {
        label: label.into(),
        frames_per_second,
        p99_ns: Some(p99_ns),
        frames: 4000,
        accuracy: Some(0.992),
        joules_per_inference: Some(0.004),
        on_front,
        chosen,
    };
    let mut all = vec![
        candidate(
            "fp32, 1 worker, throughput x 1 thread",
            1560.0,
            900_000,
            true,
            false,
        ),
        candidate(LONG, 2970.0, 1_900_000, true, true),
        candidate(
            "int8, 2 workers, batches of 4",
            3310.0,
            3_100_000,
            true,
            false,
        ),
        candidate("fp16, 1 worker", 1400.0, 1_100_000, false, false),
        candidate(
            "fp32, 4 workers, batches of 8",
            2750.0,
            9_900_000,
            false,
            false,
        ),
    ];
    all[4].frames = 999;
    all
}

/// The page with these candidates; `change` changes what it shows.
fn page_of<'a>(candidates: &'a [Candidate], change: impl FnOnce(&mut Tuned<'a>)) -> String {
    let report = &*SAMPLE;
    let energy = &report.results[0].energy;
    let mut tuned = Tuned {
        command: &report.command,
        started: &report.started,
        machine: &report.machine,
        plugin: &report.plugin,
        models: &report.models,
        inputs: report.inputs,
        bound: report.bound.expect("the sample has one"),
        cut_short: None,
        answer: Some(Answer {
            label: LONG.into(),
            file: "schema = \"tollgate.settings/1\"\nworkers = 16\n".into(),
            found: true,
            frames_per_second: 2970.0,
            of_default: 1.9,
            p99_ns: Some(1_900_000),
            frames: 4000,
            accuracy: Some(0.992),
        }),
        why: "2970 frames/s at a p99 of 1.9 ms, within 5 ms",
        candidates,
        energy,
        left_out: vec!["the variant `fp16`, since nobody knows how accurate it is".into()],
        search: vec![("candidates".into(), "5".into())],
    };
    change(&mut tuned);
    tuned_page(&tuned)
}

#[test]
fn the_answer_comes_first() {
    let page = page_of(&candidates(), |_| {});
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    has(
        &page,
        &[
            "<title>meter-reader.wasm: the settings to run it with</title>",
            "workers = 16",
            "1.90 × the default settings",
            "~9.90 ms",
            "~ of fewer than 1000 frames",
            "left out",
        ],
    );
    assert!(at(&format!("Run it with {LONG}.")) < at("id=\"candidates\""));
    assert!(at("id=\"candidates\"") < at("id=\"machine\""));
}

#[test]
fn nothing_of_a_benchmark_is_on_it() {
    let page = page_of(&candidates(), |_| {});
    for word in [
        "<dt>windows",
        "<dt>seed",
        "<dt>queue",
        "at most<",
        "single-stream",
    ] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn what_is_not_an_answer_is_not_told_as_one() {
    let page = page_of(&candidates(), |tuned| {
        let answer = tuned.answer.as_mut().expect("there is one");
        (answer.found, answer.frames) = (false, 12);
        tuned.cut_short = Some("a signal ended it");
    });
    has(
        &page,
        &[
            "No settings do what was asked. The nearest: ",
            "cut short: a signal ended it",
            "rests on 12 frames only",
        ],
    );
    assert!(!page.contains("of settings</h3>"));
    let page = page_of(&[], |tuned| tuned.answer = None);
    has(&page, &["Nothing could be measured", "id=\"machine\""]);
    assert!(!page.contains("id=\"candidates\""));
}

#[test]
fn reads_on_phones_and_desks_and_its_labels_fit() {
    let browser = Browser::find();
    let page = page_of(&candidates(), |_| {});
    assert!(!page.contains('…'), "nothing is cut off");
    for scheme in [Scheme::Light, Scheme::Dark] {
        for view in measure(&browser, &page, scheme, &[360, 390, 719, 960, 1280]) {
            let about = format!("{} px, {scheme:?}", view.width);
            assert_eq!(view.sections, SECTIONS, "{about}");
            assert_eq!(view.too_wide, [""; 0], "{about}");
            assert_eq!(view.clipped, [""; 0], "{about}");
            assert_eq!(view.too_pale, [""; 0], "{about}");
            assert_eq!(view.charts, 1, "{about}");
        }
    }
    assert_eq!(browser.open(&page, Scheme::Light).console, [""; 0]);
}

#[test]
fn hostile_words_are_words() {
    let hostile = format!("\u{202e}{HOSTILE}{}", "x".repeat(300));
    let mut tried = candidates();
    for candidate in &mut tried {
        candidate.label.clone_from(&hostile);
    }
    tried[0].frames_per_second = f64::INFINITY;
    tried[1].p99_ns = Some(0);
    let page = page_of(&tried, |tuned| {
        let answer = tuned.answer.as_mut().expect("there is one");
        answer.label.clone_from(&hostile);
        answer.file.clone_from(&hostile);
        answer.frames_per_second = f64::NAN;
        tuned.left_out.push(hostile.clone());
        tuned.why = &hostile;
        tuned.cut_short = Some(&hostile);
    });
    assert!(!page.contains('\u{202e}') && !page.contains("NaN"));
    let browser = Browser::find();
    for view in measure(&browser, &page, Scheme::Light, &[360, 1280]) {
        assert_eq!(view.foreign, [""; 0]);
        assert_eq!(view.sections, SECTIONS);
        assert_eq!(view.too_wide, [""; 0]);
    }
}

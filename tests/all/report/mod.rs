//! The page of a benchmark, opened in a real Chromium as its readers open it: on a phone and on a
//! desk, in light and in dark.

mod browser;
mod tuned;

use serde_json::Value;
use tollgate_report::html::page;
use tollgate_report::record::{self, Report};

use self::browser::{Browser, Scheme, measure};
use crate::support::{file, has};

/// The sections, in their order.
const SECTIONS: [&str; 7] = [
    "summary",
    "sweet-spot",
    "stages",
    "toll",
    "latency",
    "variants",
    "machine",
];

/// A report that has everything; its figures are made up.
fn sample() -> Report {
    let text = std::fs::read_to_string(file("tests/reports/sample.json")).expect("the sample");
    let report: Report = serde_json::from_str(&text).expect("a report");
    assert_eq!(report.schema, record::SCHEMA);
    let (read, written): (Value, Value) = (
        serde_json::from_str(&text).expect("JSON"),
        serde_json::to_value(&report).expect("JSON"),
    );
    assert_eq!(read, written, "the sample is what the types would write");
    report
}

#[test]
fn says_what_was_measured() {
    let report = sample();
    let page = page(&report);
    has(
        &page,
        &[
            "<title>meter-reader.wasm: latency, throughput and the toll</title>",
            "A frame takes 668 µs in the sandbox and 339 µs natively. The toll is 325 µs",
            "the bound: 5 ms at p99",
            "<strong>The sweet spot: </strong>plugin, 4 clients, 2,972 frames/s",
            "no energy counter on this machine",
            "batched, server: the windows did not agree within 5.0 %",
            "--concurrency 1,2,4,8,16,32 --rate 0.5x,1x,2x",
            "Most within the bound, frames/s",
            "batched, 2 clients; p99 854 µs",
        ],
    );
    for (section, next) in SECTIONS.iter().zip(&SECTIONS[1..]) {
        let at = |id: &str| page.find(&format!("<section id=\"{id}\"")).expect(id);
        assert!(at(section) < at(next), "{section} before {next}");
    }
}

#[test]
fn leaves_out_what_was_not_measured() {
    let mut report = sample();
    report.sweep.clear();
    report.variants.clear();
    report.results.clear();
    report.accuracy = None;
    report.bound = None;
    report.chosen = None;
    report.twin = None;
    report.command.clear();
    let page = page(&report);
    for section in ["summary", "machine"] {
        has(&page, &[&format!("<section id=\"{section}\"")]);
    }
    for section in ["sweet-spot", "stages", "toll", "latency", "variants"] {
        assert!(!page.contains(&format!("id=\"{section}\"")), "{section}");
    }
}

#[test]
fn a_sweep_alone_has_its_figures_and_cautions() {
    let mut report = sample();
    let stages = report.results.iter().find_map(|result| result.stages_ns);
    report.results.clear();
    for point in &mut report.sweep {
        if point.path == record::Path::Plugin {
            point.stages_ns = stages;
        }
    }
    let page = page(&report);
    has(
        &page,
        &[
            "Most within the bound, frames/s",
            "as a frame goes through them (1 client)",
            "batched, 2 clients; p99 ",
            "the sweep: at 1 of 21 points the windows did not agree (the worst spread 8.7 %)",
        ],
    );
}

#[test]
fn reads_on_phones_and_desks_in_light_and_in_dark() {
    let browser = Browser::find();
    let page = page(&sample());
    let mut backgrounds = Vec::new();
    for scheme in [Scheme::Light, Scheme::Dark] {
        let views = measure(&browser, &page, scheme, &[360, 390, 719, 720, 960, 1280]);
        for view in &views {
            let about = format!("{} px, {scheme:?}", view.width);
            assert_eq!(view.sections, SECTIONS, "{about}");
            assert_eq!(view.too_wide, [""; 0], "{about}");
            assert_eq!(view.clipped, [""; 0], "{about}");
            assert_eq!(view.too_pale, [""; 0], "{about}");
            assert!(view.charts >= 7, "{about}: {} charts", view.charts);
            assert!(view.least_text >= 9.0, "{about}: {} px", view.least_text);
        }
        backgrounds.push(views[0].background.clone());
    }
    assert_ne!(backgrounds[0], backgrounds[1]);
}

/// What the test above would say of a page that is too wide and too pale.
#[test]
fn the_measuring_finds_what_it_looks_for() {
    let bad = "<!DOCTYPE html><body style='background:#fff'>\
               <svg viewBox='0 0 90 20' width=90><text y=15>nobody reads all of this</text></svg>\
               <p id=wide style='width:500px'>a</p><p id=pale style='color:#ccc'>b</p>";
    let browser = Browser::find();
    let [phone, desk] = &measure(&browser, bad, Scheme::Light, &[360, 1280])[..] else {
        panic!("two widths, two views");
    };
    assert_eq!(phone.too_wide, ["p#wide"]);
    assert_eq!(desk.too_wide, [""; 0]);
    assert_eq!(phone.clipped, ["nobody reads all of this"]);
    assert_eq!(phone.too_pale, ["p#pale"]);
}

#[test]
fn opens_without_a_complaint() {
    let browser = Browser::find();
    let page = page(&sample());
    let opened = browser.open(&page, Scheme::Light);
    assert_eq!(opened.console, [""; 0]);
    assert!(
        SECTIONS
            .iter()
            .all(|id| opened.dom.contains(&format!("<section id=\"{id}\"")))
    );
    // The console is heard: what the page's policy forbids is complained about there.
    let image = page.replace("<main>", "<main><img src='https://example.invalid/x.png'>");
    let refused = browser.open(&image, Scheme::Light).console.join("\n");
    has(&refused, &["Content Security Policy"]);
}

#[test]
fn screenshots_are_what_a_reader_sees() {
    let browser = Browser::find();
    let page = page(&sample());
    let shots = [
        (Scheme::Light, 360, 800),
        (Scheme::Dark, 360, 800),
        (Scheme::Light, 1280, 900),
        (Scheme::Dark, 1280, 900),
    ]
    .map(|(scheme, width, height)| {
        let png = browser.screenshot(&page, scheme, (width, height));
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
        let size = [&png[16..20], &png[20..24]]
            .map(|bytes| u32::from_be_bytes(bytes.try_into().expect("four bytes")));
        assert_eq!(size, [width, height]);
        png
    });
    assert_ne!(shots[0], shots[1]);
    assert_ne!(shots[2], shots[3]);
}

/// A name that would leave every place it is written to, if it were let.
const HOSTILE: &str = "</title></style></svg><script>document.title='owned'</script>\
                       <img src=x onerror=\"document.title='owned'\">'\"&";

#[test]
fn hostile_names_are_words() {
    let hostile = &format!("{}{}", HOSTILE, "x".repeat(300))[..];
    let mut report = sample();
    report.command = vec!["tollgate".into(), hostile.into()];
    report.started = hostile.into();
    report.plugin.path = format!("a/{hostile}");
    report.plugin.sha256 = hostile.into();
    report.machine.cpu = Some(hostile.into());
    report.machine.os = hostile.into();
    report.machine.tollgate = hostile.into();
    report.settings.device = hostile.into();
    report.settings.variant = Some(hostile.into());
    for model in &mut report.models {
        model.name = hostile.into();
        model.variant = Some(hostile.into());
    }
    for variant in &mut report.variants {
        variant.name = hostile.into();
    }
    for result in &mut report.results {
        result.problem = Some(hostile.into());
        result.energy.reason = Some(hostile.into());
    }
    let mut chosen = report.chosen.take().expect("the sample has one");
    chosen.why = hostile.into();
    report.chosen = Some(chosen);
    let page = page(&report);
    let browser = Browser::find();
    for view in measure(&browser, &page, Scheme::Light, &[360, 1280]) {
        assert_eq!(view.foreign, [""; 0]);
        assert_eq!(view.sections, SECTIONS);
        // What follows the last slash is taken for the file's name.
        has(&view.title, &["<img src=x onerror=", "latency, throughput"]);
        assert_eq!(view.too_wide, [""; 0]);
    }
    assert_eq!(browser.open(&page, Scheme::Light).console, [""; 0]);
}

#[test]
fn numbers_of_any_kind_are_survived() {
    let mut report = sample();
    for point in &mut report.sweep {
        point.frames_per_second = f64::NAN;
    }
    for (result, value) in
        (report.results.iter_mut()).zip([0.0, -1.0, f64::INFINITY, 1e300].iter().cycle())
    {
        result.frames_per_second = *value;
        result.inferences_per_second = f64::NAN;
        if let Some(stages) = &mut result.stages_ns {
            stages.guest = *value;
            stages.total = 0.0;
        }
        if let Some(toll) = &mut result.toll {
            toll.sandbox_ns = Some(-*value);
        }
        if let Some(latency) = &mut result.latency_ns {
            latency.max = u64::MAX;
            latency.p50 = Some(0);
        }
    }
    report.machine.cores = usize::MAX;
    report.inputs.bytes = u64::MAX;
    report.settings.window_ns = 0;
    report.stamp_ns = f64::NEG_INFINITY;
    if let Some(accuracy) = &mut report.accuracy {
        accuracy.frames = f64::NAN;
    }
    let page = page(&report);
    has(&page, &["</html>", "id=\"latency\""]);
    assert!(!page.contains("NaN") && !page.contains("could not be drawn"));
}

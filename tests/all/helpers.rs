//! The SDK's picture helpers: in the sandbox the same bytes as natively, to the last bit.

use tollgate_runtime::Instance;
use tollgate_services::{Ledger, Limits};
use tollgate_twin::Twin;

use crate::support::{self, all_graphs, file, has};

/// Sizes that leave a rest after every block, and sizes smaller than any block.
const SIZES: [(u32, u32); 9] = [
    (1, 1),
    (3, 5),
    (15, 4),
    (16, 16),
    (17, 9),
    (33, 31),
    (67, 20),
    (100, 3),
    (640, 48),
];

fn jobs() -> Vec<String> {
    let mut jobs = Vec::new();
    for (width, height) in SIZES {
        for channels in [1, 2, 3, 4] {
            let shape = format!("1 {width} {height} {channels}");
            jobs.push(format!("normalize {shape}"));
            jobs.push(format!("hwc-to-chw {shape}"));
            for (part, parts) in [(1, 1), (1, 2), (1, 5), (4, 5)] {
                let (wide, high) = (
                    (width * part).div_ceil(parts),
                    (height * part).div_ceil(parts),
                );
                let (left, top) = (width - wide, (height - high) / 2);
                jobs.push(format!("crop {shape} {left} {top} {wide} {high}"));
            }
            if ![1, 3].contains(&channels) {
                continue;
            }
            for filter in ["nearest", "area", "bilinear", "lanczos3"] {
                for (to_width, to_height) in [
                    (1, 1),
                    (16, 16),
                    (28, 28),
                    (width, 7),
                    (90, height),
                    (131, 77),
                ] {
                    jobs.push(format!("resize {shape} {to_width} {to_height} {filter}"));
                }
            }
        }
        jobs.push(format!("grayscale 1 {width} {height} 3"));
    }
    jobs
}

#[test]
fn sandbox_and_twin_make_the_same_of_every_picture() {
    let host = support::host(&[]);
    let library = file("target/guests/twins/helpers.so");
    let mut twin = Twin::load(&library, host.clone(), &all_graphs(), &Limits::default())
        .expect("the helpers' twin");
    let plugin = support::plugin("helpers");
    let instance = Instance::new(&plugin, &host, &all_graphs(), &Limits::default());
    let mut instance = instance.expect("an instance");
    let mut compare = |job: &str| {
        let frame = support::frame(job);
        let mut ledger = Ledger::open();
        ledger.start();
        let sandboxed = instance.handle(&frame, &mut ledger).expect("no trap");
        let native = twin.handle(&frame).0.expect("no failure");
        assert!(sandboxed == native, "{job}: the results differ");
        sandboxed
    };
    for job in jobs() {
        let outputs = compare(&job).unwrap_or_else(|fault| panic!("{job}: {fault:?}"));
        assert!(!outputs[0].data.is_empty(), "{job}");
    }
    // What is refused is refused in the same words.
    for job in [
        "crop 1 8 8 1 4 4 5 4",
        "resize 1 8 8 2 4 4 area",
        "sharpen 1 8 8 1",
    ] {
        let fault = compare(job).expect_err(job);
        has(&format!("{fault:?}"), &["InvalidFrame"]);
    }
}

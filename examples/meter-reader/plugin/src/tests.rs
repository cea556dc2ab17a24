//! The plugin on the committed frames, on bytes that are no frames, and with graphs that a test answers for.

use std::path::{Path, PathBuf};

use tollgate_guest::testing::with_graphs;
use tollgate_guest::{Error, ErrorCode, Fault, Frame, Input, Output, Plugin, Tensor};

use crate::locate::{DIGITS, NoRegister, locate};
use crate::picture::{Picture, PictureError};
use crate::reading::CLASSES;
use crate::{DIMENSIONS, GRAPH, MeterReader, register};

fn frames(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    assert!(
        files.len() >= 48,
        "the frames are committed: {} found",
        files.len()
    );
    files
}

fn jpeg() -> Vec<u8> {
    std::fs::read(&frames("frames", "jpg")[0]).unwrap()
}

fn pgm(width: usize, height: usize, pixel: impl Fn(usize, usize) -> u8) -> Vec<u8> {
    let mut bytes = format!("P5\n# made by a test\n{width} {height}\n255\n").into_bytes();
    bytes.extend((0..width * height).map(|place| pixel(place % width, place / width)));
    bytes
}

/// Numbers that look random and are the same in every run.
fn noise(seed: usize) -> impl FnMut() -> usize {
    let mut state = seed as u64 * 2 + 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize
    }
}

#[test]
fn every_frame_shows_five_even_windows() {
    for (folder, extension) in [("frames", "jpg"), ("frames-pgm", "pgm")] {
        for file in frames(folder, extension) {
            let found = register(&std::fs::read(&file).unwrap());
            let found = found.unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
            for window in found.windows {
                // The renderer's windows are 28 x 34, at 0.94 to 1.06 of that size.
                assert!(
                    (25..=32).contains(&window.width),
                    "{}: {window:?}",
                    file.display()
                );
                assert!(
                    (30..=38).contains(&window.height),
                    "{}: {window:?}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn jpeg_and_pgm_are_the_same_picture() {
    for (jpeg, pgm) in frames("frames", "jpg")
        .iter()
        .zip(frames("frames-pgm", "pgm"))
        .step_by(8)
    {
        let (jpeg, pgm) = (std::fs::read(jpeg).unwrap(), std::fs::read(pgm).unwrap());
        let (jpeg, pgm) = (
            Picture::decode(&jpeg).unwrap(),
            Picture::decode(&pgm).unwrap(),
        );
        assert_eq!((jpeg.width(), jpeg.height()), (pgm.width(), pgm.height()));
        assert!(
            jpeg.luma()
                .iter()
                .zip(pgm.luma())
                .all(|(&a, &b)| a.abs_diff(b) <= 3)
        );
    }
}

#[test]
fn a_register_twice_as_large_is_found_as_well() {
    let small = std::fs::read(&frames("frames-pgm", "pgm")[3]).unwrap();
    let small = Picture::decode(&small).unwrap();
    let large = pgm(small.width() * 2, small.height() * 2, |x, y| {
        small.row(y / 2)[x / 2]
    });
    let large = locate(Picture::decode(&large).unwrap()).unwrap();
    assert_eq!(large.windows, locate(small).unwrap().windows);
}

#[test]
fn pictures_without_a_register_are_refused() {
    let mut random = noise(3);
    let grain: Vec<u8> = (0..288 * 84).map(|_| random() as u8).collect();
    let grain = pgm(288, 84, |x, y| grain[y * 288 + x]);
    let bar = |x: usize, y: usize| {
        if (40..250).contains(&x) && (20..66).contains(&y) {
            30
        } else {
            210
        }
    };
    let window = |x: usize, y: usize, count: usize| {
        let place = x.saturating_sub(50);
        (27..60).contains(&y) && x >= 50 && place / 40 < count && place % 40 < 28
    };
    let with = |count: usize| {
        pgm(
            288,
            84,
            move |x, y| if window(x, y, count) { 220 } else { bar(x, y) },
        )
    };
    for (bytes, expected) in [
        (pgm(288, 84, |_, _| 0), NoRegister::Plate),
        (pgm(288, 84, |_, _| 255), NoRegister::Plate),
        (pgm(288, 84, |x, _| x as u8), NoRegister::Plate),
        (grain, NoRegister::Plate),
        (
            pgm(24, 24, |x, y| ((x ^ y) & 1) as u8 * 255),
            NoRegister::Plate,
        ),
        (
            pgm(4096, 24, |x, y| (x * y) as u8),
            NoRegister::Small(PictureError::Size(292, 1)),
        ),
        (pgm(288, 84, bar), NoRegister::Windows(0)),
        (with(3), NoRegister::Windows(3)),
    ] {
        assert_eq!(
            locate(Picture::decode(&bytes).unwrap()).unwrap_err(),
            expected
        );
    }
    assert!(locate(Picture::decode(&with(5)).unwrap()).is_ok());
}

#[test]
fn a_pgm_is_read_as_its_header_says() {
    let grey = |header: &str, pixels: usize| [header.as_bytes(), &vec![100; pixels]].concat();
    assert_eq!(
        Picture::decode(&grey("P5 30 40 200\n", 1200))
            .unwrap()
            .luma(),
        [127; 1200]
    );
    assert_eq!(
        Picture::decode(&grey("P5\n#a\n#b\n30\t40 # c\n255 ", 1300))
            .unwrap()
            .luma(),
        [100; 1200]
    );
    for (bytes, expected) in [
        (
            grey("P5 30 40 255\n", 1199),
            PictureError::Short(1200, 1199),
        ),
        (grey("P5 0 0 255\n", 0), PictureError::Size(0, 0)),
        (grey("P5 4097 40 255\n", 9), PictureError::Size(4097, 40)),
        (
            grey("P5 4096 4096 255\n", 9),
            PictureError::Size(4096, 4096),
        ),
        (
            grey("P5 999999999 999999999 255\n", 9),
            PictureError::Size(999_999_999, 999_999_999),
        ),
        (
            grey("P5 30 40 65535\n", 2400),
            PictureError::Pgm("another maximum"),
        ),
        (
            grey("P5 30 40 0\n", 1200),
            PictureError::Pgm("another maximum"),
        ),
        (
            grey("P5 30 40 255x", 1200),
            PictureError::Pgm("no white space after its maximum"),
        ),
        (
            grey("P5 30", 0),
            PictureError::Pgm("a header without its three numbers"),
        ),
        (
            grey("P5 9999999999 1 1\n", 9),
            PictureError::Pgm("a header without its three numbers"),
        ),
        (
            grey("P5 -3 1 1\n", 9),
            PictureError::Pgm("a header without its three numbers"),
        ),
        (b"P5 30 40 255".to_vec(), PictureError::Short(1200, 0)),
        (b"P2 30 40 255".to_vec(), PictureError::Unknown),
        (vec![], PictureError::Unknown),
        (vec![0xff], PictureError::Unknown),
    ] {
        assert_eq!(Picture::decode(&bytes).unwrap_err(), expected);
    }
}

#[test]
fn a_jpeg_cut_short_is_refused() {
    let whole = jpeg();
    for part in 0..20 {
        let cut = &whole[..whole.len() * part / 20];
        assert!(
            matches!(register(cut), Err(Fault::InvalidFrame(_))),
            "{part} of 20 parts"
        );
    }
}

#[test]
fn a_jpeg_that_claims_to_be_huge_is_refused_before_it_is_decoded() {
    let mut bytes = jpeg();
    let start = bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    bytes[start + 5..start + 9].copy_from_slice(&[0x0f, 0xff, 0x0f, 0xff]);
    assert_eq!(
        Picture::decode(&bytes).unwrap_err(),
        PictureError::Size(4095, 4095)
    );
    bytes[start + 5..start + 9].fill(0xff);
    assert!(matches!(
        Picture::decode(&bytes),
        Err(PictureError::Jpeg(_))
    ));
}

#[test]
fn damaged_bytes_are_a_reading_or_a_fault_and_never_a_panic() {
    for whole in [
        jpeg(),
        std::fs::read(&frames("frames-pgm", "pgm")[0]).unwrap(),
    ] {
        let mut random = noise(11);
        for round in 0..400 {
            let mut bytes = whole.clone();
            // Half of the rounds damage the header, where it hurts most.
            let reach = if round % 2 == 0 { bytes.len() } else { 700 };
            for _ in 0..1 + random() % 8 {
                let place = random() % reach;
                bytes[place] = random() as u8;
            }
            bytes.truncate(bytes.len() - random() % 3);
            let _ = register(&bytes);
        }
    }
}

/// Answers every window with the digit at its place in `reading`.
fn answer(reading: [usize; DIGITS], inputs: &[Input<'_>]) -> Vec<(String, Tensor)> {
    assert_eq!(inputs.len(), 1);
    assert_eq!(
        (inputs[0].name, inputs[0].dimensions),
        (Some("digits"), &DIMENSIONS[..])
    );
    let mut scores = vec![0.0f32; DIGITS * CLASSES];
    for (place, digit) in reading.into_iter().enumerate() {
        scores[place * CLASSES + digit] = 1.0;
    }
    vec![(
        "scores".into(),
        Tensor::new(&[DIGITS as u32, CLASSES as u32], &scores),
    )]
}

fn handle(plugin: &mut MeterReader, data: Vec<u8>) -> Result<Vec<Output>, Fault> {
    plugin.handle(&Frame {
        data,
        ..Frame::default()
    })
}

#[test]
fn a_frame_becomes_one_reading() {
    let graphs = |name: &str, inputs: &[Input<'_>]| {
        assert_eq!(name, GRAPH);
        Ok(answer([0, 0, 3, 1, 2], inputs))
    };
    with_graphs(graphs, || {
        let mut plugin = MeterReader::new().unwrap();
        let digit = |digit: u8| format!(r#"{{"digit":{digit},"confidence":1.0000}}"#);
        let digits = [0, 0, 3, 1, 2].map(digit).join(",");
        let json = format!(
            r#"{{"reading":"00312","value":312,"confidence":1.0000,"plausible":true,"digits":[{digits}]}}"#
        );
        let expected = vec![Output::json("reading", json)];
        assert_eq!(handle(&mut plugin, jpeg()).unwrap(), expected);

        // Nothing that is no frame stops the next one from being read.
        let blank = handle(&mut plugin, pgm(288, 84, |_, _| 200));
        assert!(
            matches!(blank, Err(Fault::InvalidFrame(message)) if message.contains("register plate"))
        );
        assert!(matches!(
            handle(&mut plugin, vec![]),
            Err(Fault::InvalidFrame(_))
        ));
        assert_eq!(handle(&mut plugin, jpeg()).unwrap(), expected);
    });
}

#[test]
fn a_graph_that_fails_is_a_failed_inference() {
    let fails = |_: &str, _: &[Input<'_>]| Err(Error::new(ErrorCode::Timeout, "too slow"));
    let short = |_: &str, _: &[Input<'_>]| {
        Ok(vec![(
            "scores".into(),
            Tensor::new(&[1, 10], &[0.1f32; 10]),
        )])
    };
    let typed =
        |_: &str, _: &[Input<'_>]| Ok(vec![("scores".into(), Tensor::new(&[5, 10], &[1i32; 50]))]);
    let none = |_: &str, _: &[Input<'_>]| Ok(vec![]);
    let result = || handle(&mut MeterReader::new().unwrap(), jpeg());
    for result in [
        with_graphs(fails, result),
        with_graphs(short, result),
        with_graphs(typed, result),
        with_graphs(none, result),
    ] {
        assert!(matches!(result, Err(Fault::Inference(_))), "{result:?}");
    }
}

/// A segment of a JPEG, put right behind its first marker.
fn with_segment(jpeg: &[u8], marker: u8, segment: &[u8]) -> Vec<u8> {
    let size = u16::try_from(segment.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &size, segment, &jpeg[2..]].concat()
}

/// A JPEG without its segments of this marker.
fn without_segments(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let mut left = jpeg[..2].to_vec();
    let mut at = 2;
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != marker {
            left.extend(&jpeg[at..end]);
        }
        at = end;
    }
    left.extend(&jpeg[at..]);
    left
}

#[test]
fn a_jpeg_without_tables_is_read_by_the_standards() {
    let whole = jpeg();
    let bare = without_segments(&whole, 0xc4);
    assert!(bare.len() < whole.len());
    assert_eq!(Picture::decode(&bare), Picture::decode(&whole));
}

#[test]
fn a_jpeg_is_turned_as_its_camera_was() {
    let whole = jpeg();
    let upright = Picture::decode(&whole).unwrap();
    for value in 0..=9_u8 {
        let exif = [
            b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0",
            &[value, 0, 0][..],
        ]
        .concat();
        let bytes = with_segment(&whole, 0xe1, &exif);
        let turned = Picture::decode(&bytes).unwrap_or_else(|e| panic!("{value}: {e}"));
        let (width, height) = (upright.width(), upright.height());
        let expected = if (5..=8).contains(&value) {
            (height, width)
        } else {
            (width, height)
        };
        assert_eq!((turned.width(), turned.height()), expected, "{value}");
        let first = upright.luma()[0];
        let (left, right) = (0, turned.width() - 1);
        let bottom = turned.height() - 1;
        let corner = match value {
            2 | 6 => turned.row(0)[right],
            3 | 7 => turned.row(bottom)[right],
            4 | 8 => turned.row(bottom)[left],
            _ => turned.row(0)[left],
        };
        assert_eq!(corner, first, "{value}");
    }
}

#[test]
fn kinds_of_jpeg_that_are_not_read_are_named() {
    let whole = jpeg();
    let start = whole
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    let changed = |place: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[start + place] = byte;
        Picture::decode(&bytes).unwrap_err().to_string()
    };
    for (place, byte, name) in [
        (1, 0xc3, "lossless"),
        (1, 0xc6, "hierarchy"),
        (1, 0xc9, "arithmetic"),
        (1, 0xca, "arithmetic"),
        (1, 0xcf, "hierarchy"),
        (4, 12, "12 bits"),
        (9, 2, "two colours"),
        (9, 4, "CMYK"),
    ] {
        let said = changed(place, byte);
        assert!(said.contains(name) && said.contains("not read"), "{said}");
    }
    let mut flat = whole.clone();
    flat[start + 5..start + 7].fill(0);
    let said = Picture::decode(&flat).unwrap_err().to_string();
    assert!(
        said.contains("height") && said.contains("not read"),
        "{said}"
    );
}

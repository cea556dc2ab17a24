//! Compares each helper with the simplest way to write it, over shapes that are no multiple of any
//! block size, and over input that must be refused.

use super::*;

/// Bytes that look random but are always the same.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn shapes() -> impl Iterator<Item = Shape> {
    let sizes = [
        (0, 0),
        (0, 3),
        (5, 0),
        (1, 1),
        (3, 5),
        (15, 1),
        (16, 2),
        (17, 3),
        (31, 7),
        (67, 5),
    ];
    sizes.into_iter().flat_map(|(width, height)| {
        (1..=4).map(move |channels| Shape {
            width,
            height,
            channels,
        })
    })
}

fn picture(shape: Shape) -> Vec<u8> {
    noise(shape.elements().unwrap())
}

const STATISTICS: ([f32; 4], [f32; 4]) = ([0.485, 0.456, 0.406, 0.5], [0.229, 0.224, 0.225, 0.25]);

fn statistics(shape: Shape) -> Normalize<'static> {
    let channels = shape.channels as usize;
    Normalize {
        scale: 1.0 / 255.0,
        mean: &STATISTICS.0[..channels],
        deviation: &STATISTICS.1[..channels],
    }
}

fn naive(byte: u8, channel: usize, by: &Normalize<'_>) -> f64 {
    let scaled = f64::from(byte) * f64::from(by.scale);
    (scaled - f64::from(by.mean[channel])) / f64::from(by.deviation[channel])
}

#[test]
fn normalize_is_the_formula() {
    for shape in shapes() {
        let pixels = picture(shape);
        let by = statistics(shape);
        let floats = normalize(&pixels, shape, &by).unwrap();
        assert_eq!(floats.len(), pixels.len());
        for (place, (float, byte)) in floats.iter().zip(&pixels).enumerate() {
            let expected = naive(*byte, place % shape.channels as usize, &by);
            assert!(
                (f64::from(*float) - expected).abs() < 1e-5,
                "{shape:?} at {place}"
            );
        }
    }
}

#[test]
fn hwc_to_chw_is_a_transposition() {
    for shape in shapes() {
        let pixels = picture(shape);
        let by = statistics(shape);
        let interleaved = normalize(&pixels, shape, &by).unwrap();
        let planes = hwc_to_chw(&pixels, shape, &by).unwrap();
        let (channels, plane) = (
            shape.channels as usize,
            pixels.len() / shape.channels as usize,
        );
        for pixel in 0..plane {
            for channel in 0..channels {
                assert_eq!(
                    planes[channel * plane + pixel],
                    interleaved[pixel * channels + channel],
                    "{shape:?} pixel {pixel} channel {channel}"
                );
            }
        }
    }
}

#[test]
fn one_mean_serves_all_channels() {
    let shape = Shape::rgb(5, 3);
    let pixels = picture(shape);
    let floats = hwc_to_chw(&pixels, shape, &Normalize::SIGNED).unwrap();
    assert!((floats[0] - (f32::from(pixels[0]) / 127.5 - 1.0)).abs() < 1e-6);
    let none = Normalize {
        mean: &[],
        ..Normalize::UNIT
    };
    let two = Normalize {
        mean: &[0.0, 0.0],
        ..Normalize::UNIT
    };
    let zero = Normalize {
        deviation: &[1.0, 0.0, 1.0],
        ..Normalize::UNIT
    };
    for by in [none, two, zero] {
        let refused = hwc_to_chw(&pixels, shape, &by);
        assert!(matches!(refused, Err(Error::Statistics { .. })), "{by:?}");
    }
}

#[test]
fn grayscale_is_luma() {
    for shape in shapes().filter(|shape| shape.channels == 3) {
        let pixels = picture(shape);
        let grey = grayscale(&pixels, shape.width, shape.height).unwrap();
        assert_eq!(grey.len(), pixels.len() / 3);
        for (grey, rgb) in grey.iter().zip(pixels.chunks(3)) {
            let exact =
                0.299 * f64::from(rgb[0]) + 0.587 * f64::from(rgb[1]) + 0.114 * f64::from(rgb[2]);
            assert!(
                (f64::from(*grey) - exact).abs() <= 1.0,
                "{rgb:?} became {grey}"
            );
        }
    }
    for level in 0..=255 {
        assert_eq!(
            grayscale(&[level; 3], 1, 1).unwrap(),
            [level],
            "grey stays as it is"
        );
    }
}

#[test]
fn crop_takes_the_region() {
    for shape in shapes() {
        let pixels = picture(shape);
        for (left, top) in [(0, 0), (1, 0), (0, 1), (2, 3)] {
            for (width, height) in [(0, 0), (1, 1), (4, 2), (16, 3), (29, 4)] {
                let region = Region {
                    left,
                    top,
                    width,
                    height,
                };
                let result = crop(&pixels, shape, region);
                if left + width > shape.width || top + height > shape.height {
                    assert_eq!(result, Err(Error::Outside { region, shape }));
                    continue;
                }
                let mut expected = Vec::new();
                for row in top..top + height {
                    for column in left..left + width {
                        let pixel = ((row * shape.width + column) * shape.channels) as usize;
                        expected.extend(&pixels[pixel..pixel + shape.channels as usize]);
                    }
                }
                assert_eq!(result.unwrap(), expected, "{shape:?} {region:?}");
            }
        }
    }
}

/// A filter's reach, and its weight at a distance, both in pixels of the smaller picture.
type Kernel = (f64, fn(f64) -> f64);

/// A new row of brightness values from an old one, in exact arithmetic.
fn naive_row(old: &[f64], len: usize, (reach, weight): Kernel) -> Vec<f64> {
    let scale = old.len() as f64 / len as f64;
    let stretch = scale.max(1.0);
    let value = |place: usize| {
        let centre = (place as f64 + 0.5) * scale;
        let (mut sum, mut weights) = (0.0, 0.0);
        for (at, old) in old.iter().enumerate() {
            let distance = (at as f64 + 0.5 - centre) / stretch;
            if distance.abs() <= reach {
                sum += old * weight(distance);
                weights += weight(distance);
            }
        }
        sum / weights
    };
    (0..len).map(value).collect()
}

#[test]
fn resize_is_the_convolution() {
    let linear: Kernel = (1.0, |x| 1.0 - x.abs());
    let lanczos: Kernel = (3.0, |x| {
        let sinc = |x: f64| {
            if x == 0.0 {
                1.0
            } else {
                (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI)
            }
        };
        sinc(x) * sinc(x / 3.0)
    });
    for (filter, kernel) in [(Filter::Bilinear, linear), (Filter::Lanczos3, lanczos)] {
        for (from, to) in [
            ((31, 17), (13, 9)),
            ((13, 9), (31, 17)),
            ((40, 24), (8, 8)),
            ((7, 5), (7, 11)),
        ] {
            for channels in [1, 3] {
                let shape = Shape {
                    width: from.0,
                    height: from.1,
                    channels,
                };
                // With little contrast, so that the overshoot of Lanczos is never clipped.
                let pixels: Vec<u8> = picture(shape).iter().map(|x| x / 2 + 64).collect();
                let resized = resize(&pixels, shape, to.0, to.1, filter).unwrap();
                for channel in 0..channels as usize {
                    let plane = |pixels: &[u8]| -> Vec<f64> {
                        pixels
                            .iter()
                            .skip(channel)
                            .step_by(channels as usize)
                            .map(|x| f64::from(*x))
                            .collect()
                    };
                    let (old, new) = (plane(&pixels), plane(&resized));
                    let rows: Vec<Vec<f64>> = old
                        .chunks(from.0 as usize)
                        .map(|row| naive_row(row, to.0 as usize, kernel))
                        .collect();
                    for x in 0..to.0 as usize {
                        let column: Vec<f64> = rows.iter().map(|row| row[x]).collect();
                        let column = naive_row(&column, to.1 as usize, kernel);
                        for (y, exact) in column.iter().enumerate() {
                            let got = new[y * to.0 as usize + x];
                            // Two passes, each rounded to a byte.
                            let off = (got - exact).abs();
                            assert!(
                                off <= 2.5,
                                "{filter:?} {from:?} {to:?} ({x}, {y}): {got} {exact}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn area_is_the_mean() {
    let shape = Shape::grey(12, 9);
    let pixels = picture(shape);
    let small = resize(&pixels, shape, 4, 3, Filter::Area).unwrap();
    for (place, got) in small.iter().enumerate() {
        let (left, top) = (place % 4 * 3, place / 4 * 3);
        let block = (0..9).map(|at| f64::from(pixels[(top + at / 3) * 12 + left + at % 3]));
        assert!((f64::from(*got) - block.sum::<f64>() / 9.0).abs() <= 1.0);
    }
}

#[test]
fn resize_keeps_what_it_should() {
    let filters = [
        Filter::Nearest,
        Filter::Area,
        Filter::Bilinear,
        Filter::Lanczos3,
    ];
    let mut resizer = Resizer::new();
    for filter in filters {
        for shape in shapes().filter(|shape| [1, 3].contains(&shape.channels)) {
            let pixels = picture(shape);
            let same = resize(&pixels, shape, shape.width, shape.height, filter).unwrap();
            assert_eq!(same, pixels, "the same size is the same picture");
            let flat = vec![201; pixels.len()];
            let mut out = vec![9; 11 * 7 * shape.channels as usize];
            resizer
                .resize_into(&flat, shape, 11, 7, filter, &mut out)
                .unwrap();
            let expected = if flat.is_empty() { 0 } else { 201 };
            assert!(
                out.iter().all(|byte| *byte == expected),
                "{filter:?} {shape:?}"
            );
            assert_eq!(resize(&pixels, shape, 0, 4, filter).unwrap(), []);
        }
    }
}

#[test]
fn wrong_sizes_are_errors() {
    let shape = Shape::rgb(4, 4);
    let pixels = [0u8; 48];
    let region = Region {
        left: 1,
        top: 1,
        width: 2,
        height: 2,
    };
    let unit = &Normalize::UNIT;
    for wrong in [0, 47, 49] {
        let short = vec![0u8; wrong];
        let mut out8 = vec![0u8; wrong];
        let mut out32 = vec![0f32; wrong];
        for result in [
            resize(&short, shape, 2, 2, Filter::Bilinear).map(drop),
            crop(&short, shape, region).map(drop),
            hwc_to_chw(&short, shape, unit).map(drop),
            normalize(&short, shape, unit).map(drop),
            grayscale(&short, 4, 4).map(drop),
            resize_into(&pixels, shape, 2, 2, Filter::Bilinear, &mut out8),
            crop_into(&pixels, shape, region, &mut out8),
            hwc_to_chw_into(&pixels, shape, unit, &mut out32),
            normalize_into(&pixels, shape, unit, &mut out32),
            grayscale_into(&pixels, 4, 4, &mut out8),
        ] {
            assert!(
                matches!(result, Err(Error::Length { len, .. }) if len == wrong),
                "{result:?}"
            );
        }
    }
}

#[test]
fn huge_sizes_are_errors() {
    let huge = Shape {
        width: u32::MAX,
        height: u32::MAX,
        channels: 4,
    };
    assert_eq!(
        normalize(&[], huge, &Normalize::UNIT),
        Err(Error::TooLarge { shape: huge })
    );
    let grown = resize(&[1], Shape::grey(1, 1), u32::MAX, u32::MAX, Filter::Area);
    assert!(matches!(grown, Err(Error::TooLarge { .. })));
    for channels in [0, 5, u32::MAX] {
        let shape = Shape {
            width: 1,
            height: 1,
            channels,
        };
        let refused = normalize(&[1], shape, &Normalize::UNIT);
        assert!(matches!(refused, Err(Error::Channels { .. })));
    }
    let region = Region {
        left: u32::MAX,
        top: 0,
        width: 2,
        height: 1,
    };
    let refused = crop(&[1], Shape::grey(1, 1), region);
    assert!(matches!(refused, Err(Error::Outside { .. })));
}

#[test]
fn errors_say_what_came() {
    let error = normalize(&[0; 5], Shape::grey(3, 2), &Normalize::UNIT).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the picture should have 6 elements for 3x2 pixels of 1 channels, and has 5: give the \
         shape that it really has"
    );
}

//! Writes what the model would get: `windows FRAME...` prints, for each file, 5 x 16 x 16 little-endian f32.
//!
//! For `check.py`, which shows them to the model without a host in between. A frame that does not give a tensor
//! gives zeros and a line on standard error, so that the places in the output stay those of the files. With
//! `--repeat N` each file goes through N times, and the fastest pass of each step is reported.

use std::io::Write;
use std::time::{Duration, Instant};

use meter_reader::locate;
use meter_reader::normalize::{DIMENSIONS, Normalizer};
use meter_reader::picture::Picture;

fn main() -> std::io::Result<()> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let mut repeat = 1u32;
    if files.first().is_some_and(|first| first == "--repeat") {
        repeat = files
            .get(1)
            .and_then(|count| count.parse().ok())
            .unwrap_or(1);
        files.drain(..2.min(files.len()));
    }
    let floats: u32 = DIMENSIONS.iter().product();
    let mut normalizer = Normalizer::default();
    let mut out = std::io::stdout().lock();
    let mut spent = [Duration::ZERO; 3];
    for file in &files {
        let bytes = std::fs::read(file)?;
        let mut tensor = vec![0; floats as usize * 4];
        let mut fastest = [Duration::MAX; 3];
        for _ in 0..repeat {
            let mut marks = vec![Instant::now()];
            let result = Picture::decode(&bytes)
                .map_err(|error| error.to_string())
                .and_then(|picture| {
                    marks.push(Instant::now());
                    let register = locate::locate(picture).map_err(|error| error.to_string())?;
                    marks.push(Instant::now());
                    let input = normalizer
                        .input(&register)
                        .map_err(|error| error.to_string())?;
                    marks.push(Instant::now());
                    tensor = input.iter().flat_map(|value| value.to_le_bytes()).collect();
                    Ok(())
                });
            if let Err(error) = result {
                eprintln!("{file}: {error}");
            }
            for (fastest, pair) in fastest.iter_mut().zip(marks.windows(2)) {
                if let [from, to] = pair {
                    *fastest = (*fastest).min(*to - *from);
                }
            }
        }
        out.write_all(&tensor)?;
        for (spent, fastest) in spent.iter_mut().zip(fastest) {
            *spent = spent.saturating_add(fastest);
        }
    }
    if repeat > 1 {
        let each = spent.map(|spent| spent / files.len().max(1) as u32);
        let [decode, locate, normalise] = each;
        eprintln!(
            "a frame on average: decode {decode:?}, locate {locate:?}, normalise {normalise:?}"
        );
    }
    Ok(())
}

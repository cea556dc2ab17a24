//! Does with its configuration, its log and its buckets what its frame says, a command a line, and
//! says what came of each, a line each. The same stands beside it in every language that has an SDK.

use tollgate_guest::{Bucket, Fault, Frame, Level, Output, Plugin, StoreError, config, log};

struct Counter;

impl Plugin for Counter {
    fn new() -> Result<Self, Fault> {
        Ok(Self)
    }

    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        let text = String::from_utf8_lossy(&frame.data);
        let said: Vec<String> = text.lines().map(said).collect();
        Ok(vec![Output::new("said", "text/plain", said.join("\n"))])
    }
}

fn said(line: &str) -> String {
    run(line).unwrap_or_else(|error| match error {
        StoreError::NoSuchStore => "no-such-store".to_owned(),
        StoreError::AccessDenied => "access-denied".to_owned(),
        StoreError::Other(sentence) => format!("other: {sentence}"),
    })
}

/// `config KEY`, `log LEVEL CONTEXT MESSAGE`, or `FUNCTION BUCKET KEY VALUE`.
fn run(line: &str) -> Result<String, StoreError> {
    let mut words = line.splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (function, first, second, third) = (word(), word(), word(), word());
    let none = || "none".to_owned();
    match function {
        "config" => return Ok(config(first)?.unwrap_or_else(none)),
        "log" => {
            log(level(first), second, third);
            return Ok("logged".to_owned());
        }
        _ => {}
    }
    let bucket = Bucket::open(first)?;
    Ok(match function {
        "get" => match bucket.get(second)? {
            Some(value) => String::from_utf8_lossy(&value).into_owned(),
            None => none(),
        },
        "set" => {
            bucket.set(second, third.as_bytes())?;
            "set".to_owned()
        }
        "delete" => {
            bucket.delete(second)?;
            "deleted".to_owned()
        }
        "exists" => bucket.exists(second)?.to_string(),
        "increment" => {
            let delta = third.parse().unwrap_or(1);
            bucket.increment(second, delta)?.to_string()
        }
        "keys" => {
            let mut keys = Vec::new();
            let mut cursor = None;
            loop {
                let page = bucket.keys(cursor)?;
                keys.extend(page.keys);
                cursor = page.cursor;
                if cursor.is_none() {
                    break keys.join(",");
                }
            }
        }
        _ => format!("no function `{function}`"),
    })
}

fn level(name: &str) -> Level {
    match name {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Critical,
    }
}

tollgate_guest::export!(Counter);

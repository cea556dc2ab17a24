//! Many keys of a bucket in one call, which no SDK has.

use crate::bindings::wasi::keyvalue::{
    batch,
    store::{Bucket, Error, open},
};

/// `get-many BUCKET KEY…`, `delete-many BUCKET KEY…`, `set-many BUCKET KEY BYTES …`.
pub(crate) fn run(command: &str, arguments: &str) -> Option<String> {
    let mut words = arguments.split(' ');
    let run = match command {
        "get-many" => get_many,
        "set-many" => set_many,
        "delete-many" => delete_many,
        _ => return None,
    };
    let opened = open(words.next()?);
    let said = opened.and_then(|bucket| run(&bucket, &words.collect::<Vec<_>>()));
    Some(said.unwrap_or_else(|error| format!("{error:?}")))
}

fn get_many(bucket: &Bucket, keys: &[&str]) -> Result<String, Error> {
    let found = batch::get_many(bucket, keys)?;
    let show = |pair: &Option<(String, Vec<u8>)>| match pair {
        Some((key, value)) => format!("{key}={}", value.len()),
        None => "none".to_owned(),
    };
    Ok(found.iter().map(show).collect::<Vec<_>>().join(" "))
}

fn set_many(bucket: &Bucket, words: &[&str]) -> Result<String, Error> {
    let largest = words.iter().filter_map(|word| word.parse().ok()).max();
    let bytes = vec![7; largest.unwrap_or(0)];
    let pairs: Vec<(&str, &[u8])> = words
        .chunks(2)
        .filter_map(|pair| match pair {
            [key, count] => Some((*key, bytes.get(..count.parse().ok()?)?)),
            _ => None,
        })
        .collect();
    batch::set_many(bucket, &pairs)?;
    Ok("set".to_owned())
}

fn delete_many(bucket: &Bucket, keys: &[&str]) -> Result<String, Error> {
    batch::delete_many(bucket, keys)?;
    Ok("deleted".to_owned())
}

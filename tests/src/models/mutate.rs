//! Changes real models: their fields, which keeps them readable, or their bytes as they come.

use super::{
    element::EXTREMES,
    random::Random,
    wire::{take_varint, varint},
};

/// How deep fields within fields are followed.
const DEPTH: usize = 8;

/// One of these models, changed.
pub(super) fn mutated(random: &mut Random, models: &[Vec<u8>]) -> Vec<u8> {
    let largest = models.iter().map(Vec::len).max().unwrap_or(0);
    let most = largest.saturating_mul(4);
    let any = |random: &mut Random| models.get(random.below(models.len())).map(Vec::as_slice);
    let Some(model) = any(random) else {
        return Vec::new();
    };
    let mut bytes = model.to_vec();
    let in_fields = random.chance(75);
    for _ in 0..random.pick(&[1, 1, 1, 2, 3, 5, 9]) {
        let other = any(random).unwrap_or_default();
        if in_fields {
            change_fields(random, &mut bytes, other);
        } else {
            change_bytes(random, &mut bytes, other);
        }
        bytes.truncate(most);
    }
    if bytes == model {
        // A change may change nothing, and two may undo each other.
        match bytes.first_mut() {
            Some(first) => *first ^= 1,
            None => bytes.resize(most.min(1), 0),
        }
    }
    bytes
}

/// A field of a message.
#[derive(Clone, Debug, PartialEq)]
struct Field {
    number: u64,
    value: Value,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Varint(u64),
    /// Four or eight bytes, with the number that stands for this.
    Fixed(u64, Vec<u8>),
    Bytes(Vec<u8>),
    /// Bytes that can be read as fields.
    Fields(Vec<Field>),
}

/// The fields that these bytes are; none if they are something else.
fn fields(mut bytes: &[u8], depth: usize) -> Option<Vec<Field>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let tag = take_varint(&mut bytes)?;
        let mut take = |count: u64| {
            let (taken, rest) = bytes.split_at_checked(usize::try_from(count).ok()?)?;
            bytes = rest;
            Some(taken)
        };
        let value = match tag & 7 {
            0 => Value::Varint(take_varint(&mut bytes)?),
            1 => Value::Fixed(1, take(8)?.to_vec()),
            5 => Value::Fixed(5, take(4)?.to_vec()),
            2 => {
                let length = take_varint(&mut bytes)?;
                let (inner, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
                bytes = rest;
                let deeper = (depth > 0 && inner.len() > 1).then(|| fields(inner, depth - 1));
                match deeper.flatten() {
                    Some(fields) => Value::Fields(fields),
                    None => Value::Bytes(inner.to_vec()),
                }
            }
            _ => return None,
        };
        let number = tag >> 3;
        if !(1..=100).contains(&number) {
            return None;
        }
        all.push(Field { number, value });
    }
    Some(all)
}

fn write(to: &mut Vec<u8>, fields: &[Field]) {
    for Field { number, value } in fields {
        let tag = |to: &mut Vec<u8>, wire| varint(to, number << 3 | wire);
        match value {
            Value::Varint(value) => {
                tag(to, 0);
                varint(to, *value);
            }
            Value::Fixed(wire, bytes) => {
                tag(to, *wire);
                to.extend(bytes);
            }
            Value::Bytes(bytes) => {
                tag(to, 2);
                varint(to, bytes.len() as u64);
                to.extend(bytes);
            }
            Value::Fields(fields) => {
                tag(to, 2);
                let mut inner = Vec::new();
                write(&mut inner, fields);
                varint(to, inner.len() as u64);
                to.extend(inner);
            }
        }
    }
}

/// Changes a field at any depth; the bytes as they come if they are no fields.
fn change_fields(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let Some(mut whole) = fields(bytes, DEPTH) else {
        return change_bytes(random, bytes, other);
    };
    let mut here = &mut whole;
    // Down to some message, any level of which may be the last.
    loop {
        let inner = |field: &Field| matches!(field.value, Value::Fields(_));
        let count = here.iter().filter(|field| inner(field)).count();
        if count == 0 || random.chance(15) {
            break;
        }
        let chosen = random.below(count);
        let place = here.iter().enumerate().filter(|(_, field)| inner(field));
        let place = place.map(|(place, _)| place).nth(chosen).unwrap_or(0);
        if !here.get(place).is_some_and(inner) {
            break;
        }
        // Looked up again, as a borrow that goes on cannot end in a break.
        match here.get_mut(place) {
            Some(Field {
                value: Value::Fields(fields),
                ..
            }) => here = fields,
            _ => return,
        }
    }
    change_one(random, here, other);
    bytes.clear();
    write(bytes, &whole);
}

/// Changes one of these fields.
fn change_one(random: &mut Random, fields: &mut Vec<Field>, other: &[u8]) {
    let place = random.below(fields.len());
    let text = fields.get(place).is_some_and(is_text);
    match random.below(10) {
        // A name that is nowhere else is refused at once: rather one that is.
        4.. if text && random.chance(85) => from_other(random, fields, place, other),
        0 => {
            if place < fields.len() {
                fields.remove(place);
            }
        }
        1 => {
            if let Some(field) = fields.get(place).cloned() {
                fields.insert(place, field);
            }
        }
        2 => {
            let with = random.below(fields.len());
            if place.max(with) < fields.len() {
                fields.swap(place, with);
            }
        }
        3 => from_other(random, fields, place, other),
        4 => {
            if let Some(field) = fields.get_mut(place) {
                field.number = 1 + random.below(25) as u64;
            }
        }
        _ => {
            if let Some(field) = fields.get_mut(place) {
                change_value(random, &mut field.value, other);
            }
        }
    }
}

fn is_text(field: &Field) -> bool {
    let graphic = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_graphic);
    matches!(&field.value, Value::Bytes(bytes) if bytes.len() < 64 && graphic(bytes))
}

/// Puts what the other model has in such a field in place of this one.
fn from_other(random: &mut Random, fields: &mut [Field], place: usize, other: &[u8]) {
    let number = fields.get(place).map(|field| field.number);
    let Some(all) = self::fields(other, DEPTH) else {
        return;
    };
    let mut same = Vec::new();
    collect(&all, number, &mut same);
    let chosen = same.get(random.below(same.len()));
    if let (Some(&found), Some(field)) = (chosen, fields.get_mut(place)) {
        *field = found.clone();
    }
}

fn collect<'a>(fields: &'a [Field], number: Option<u64>, to: &mut Vec<&'a Field>) {
    for field in fields {
        if Some(field.number) == number {
            to.push(field);
        }
        if let Value::Fields(fields) = &field.value {
            collect(fields, number, to);
        }
    }
}

fn change_value(random: &mut Random, value: &mut Value, other: &[u8]) {
    match value {
        Value::Varint(value) => {
            *value = match random.below(4) {
                0 => value.wrapping_add(1),
                1 => value.wrapping_sub(1),
                _ => random.pick(&EXTREMES).cast_unsigned(),
            };
        }
        Value::Fixed(_, bytes) => {
            let count = bytes.len();
            let byte = random.pick(&[0, 0xff, 0x7f, 0x80]);
            for at in bytes.iter_mut().skip(random.below(count)) {
                *at = byte;
            }
        }
        Value::Bytes(bytes) => change_bytes(random, bytes, other),
        Value::Fields(fields) => match random.below(3) {
            0 => fields.clear(),
            1 => fields.extend_from_within(..),
            _ => fields.reverse(),
        },
    }
}

/// Changes bytes, whatever they mean.
fn change_bytes(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let place = random.below(bytes.len());
    let count = match random.chance(70) {
        true => 1 + random.below(16),
        false => 1 + random.below(bytes.len()),
    };
    let end = (place + count).min(bytes.len());
    match random.below(7) {
        0 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => bytes.truncate(place),
        2 => {
            bytes.drain(place..end);
        }
        3 => bytes.extend_from_within(place..end),
        4 => {
            let from = random.below(other.len());
            let part = other.get(from..).unwrap_or_default();
            let part = part.iter().take(count).copied();
            bytes.splice(place..end, part);
        }
        5 => {
            for byte in bytes.get_mut(place..end).unwrap_or_default() {
                *byte = random.next() as u8;
            }
        }
        _ => {
            // Over a number that goes on to here, if there is one.
            let mut number = Vec::new();
            varint(&mut number, random.pick(&EXTREMES).cast_unsigned());
            let rest = bytes.get(place..).unwrap_or_default();
            let long = rest.iter().take_while(|&&byte| byte & 0x80 != 0).count();
            let end = (place + long + 1).min(bytes.len());
            bytes.splice(place..end, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_read_are_written_as_they_were() {
        let mut inner = Vec::new();
        let one = Field {
            number: 3,
            value: Value::Varint(u64::MAX),
        };
        let two = Field {
            number: 7,
            value: Value::Fixed(5, vec![1, 2, 3, 4]),
        };
        write(&mut inner, &[one, two]);
        let mut whole = Vec::new();
        let bytes = Value::Bytes(inner);
        write(
            &mut whole,
            &[Field {
                number: 1,
                value: bytes,
            }],
        );
        let read = fields(&whole, DEPTH).expect("fields");
        assert!(matches!(&read[0].value, Value::Fields(fields) if fields.len() == 2));
        let mut again = Vec::new();
        write(&mut again, &read);
        assert_eq!(again, whole);
    }

    #[test]
    fn bytes_that_are_no_fields_are_changed_too() {
        let models = [b"not a model".to_vec(), Vec::new()];
        for seed in 0..500 {
            let bytes = mutated(&mut Random::new(seed), &models);
            assert!(bytes.len() <= 44);
            assert_ne!(mutated(&mut Random::new(seed), &models[..1]), models[0]);
        }
        assert!(mutated(&mut Random::new(0), &[]).is_empty());
    }
}

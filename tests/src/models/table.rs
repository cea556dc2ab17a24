//! The table of operators: three texts, read once.
//!
//! A line is a variant of one operator, or of several with the same operands:
//!
//! ```text
//! Conv,Other@18..21  F[N,C,H,W] F[M,C,K,K]! F[M]? i64=2,K|1,1  -> F i64? | strides!:is=1,1|2,2 auto_pad@19:s=VALID
//! ```
//!
//! - Names, each with the versions of its domain that have the line (all that are usual if none is said);
//! - operands: a type, dimensions in brackets and, after `=`, values. `?` may be left out, `!` is a constant
//!   mostly, `_` is left out, `&` is a value of the graph that the operator is not given but its bodies use,
//!   `seq:` and `opt:` put it into a sequence or an optional value;
//! - after `->`, types of outputs;
//! - after `|`, attributes: name, `!` if it must be there, `@` the version that it came with, its kind (`i`, `f`,
//!   `s`, `is`, `fs`, `ss`, `t` a tensor, `g` a body of this kind) and its usual values.
//!
//! Types that begin with a capital are drawn, once for each name in a line: `F` a float, `I` an index, `Q` a byte,
//! `A` and `D` any. So are the letters in dimensions and values, which may be added and multiplied; `~` is a
//! shape of any rank, `~b` one that broadcasts to it. Without brackets an operand has one dimension, as long as
//! its values. `|` is between values to choose from, and `<V` is any number below `V`.
//!
//! A line in brackets names the domain of the lines below it, and the versions of it that are usual.

use std::sync::LazyLock;

const TEXTS: [&str; 3] = [
    include_str!("onnx.txt"),
    include_str!("contrib.txt"),
    include_str!("ml.txt"),
];

/// The newest version of any domain.
const NEWEST: i64 = 28;

/// All operators, in the order of the texts. A line that cannot be read is left out, which a test notices.
pub(super) static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for text in TEXTS {
        let mut domain = Domain::default();
        for line in text.lines() {
            if let Some(named) = header(line) {
                domain = named;
            } else {
                let _ = read(&mut all, &domain, line);
            }
        }
    }
    all
});

/// An operator.
pub(super) struct Operator {
    pub(super) domain: &'static str,
    pub(super) name: &'static str,
    pub(super) variants: Vec<Variant>,
}

/// What an operator may be given.
#[derive(Clone)]
pub(super) struct Variant {
    /// The first and the last version of the domain.
    pub(super) versions: (i64, i64),
    pub(super) operands: Vec<OperandSpec>,
    pub(super) outputs: Vec<OutputSpec>,
    pub(super) attributes: Vec<AttributeSpec>,
}

/// What a tensor is put into.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Wrap {
    #[default]
    Tensor,
    Sequence,
    Optional,
}

#[derive(Clone)]
pub(super) struct OperandSpec {
    pub(super) wrap: Wrap,
    pub(super) ty: &'static str,
    /// None: one dimension, as long as the values.
    pub(super) dimensions: Option<Vec<&'static str>>,
    /// Lists to choose from.
    pub(super) values: Vec<Vec<&'static str>>,
    pub(super) optional: bool,
    pub(super) constant: bool,
    pub(super) outer: bool,
    pub(super) absent: bool,
}

#[derive(Clone)]
pub(super) struct OutputSpec {
    pub(super) wrap: Wrap,
    pub(super) ty: &'static str,
    pub(super) optional: bool,
}

#[derive(Clone)]
pub(super) struct AttributeSpec {
    pub(super) name: &'static str,
    pub(super) since: i64,
    pub(super) required: bool,
    pub(super) kind: &'static str,
    pub(super) choices: Vec<&'static str>,
}

/// A domain, and the versions that a line without versions is for.
#[derive(Default)]
struct Domain {
    name: &'static str,
    usual: (i64, i64),
}

fn header(line: &'static str) -> Option<Domain> {
    let (name, versions) = line.strip_prefix('[')?.strip_suffix(']')?.split_once(' ')?;
    Some(Domain {
        // Models name it so too, but mostly they do not.
        name: if name == "ai.onnx" { "" } else { name },
        usual: range(versions, (0, 0))?,
    })
}

/// Adds what a line says; none if it cannot be read.
fn read(all: &mut Vec<Operator>, domain: &Domain, line: &'static str) -> Option<()> {
    if line.is_empty() || line.starts_with('#') {
        return Some(());
    }
    let (front, attributes) = line.split_once(" | ").unwrap_or((line, ""));
    let (front, outputs) = front.split_once("-> ")?;
    let mut words = front.split_whitespace();
    let names = words.next()?;
    let variant = Variant {
        versions: domain.usual,
        operands: words.map(operand).collect::<Option<_>>()?,
        outputs: outputs.split_whitespace().map(output).collect(),
        attributes: attributes
            .split_whitespace()
            .map(attribute)
            .collect::<Option<_>>()?,
    };
    for name in names.split(',') {
        let (name, versions) = match name.split_once('@') {
            Some((name, versions)) => (name, range(versions, domain.usual)?),
            None => (name, domain.usual),
        };
        let variant = Variant {
            versions,
            ..variant.clone()
        };
        match all
            .iter_mut()
            .find(|one| one.domain == domain.name && one.name == name)
        {
            Some(known) => known.variants.push(variant),
            None => all.push(Operator {
                domain: domain.name,
                name,
                variants: vec![variant],
            }),
        }
    }
    Some(())
}

fn range(text: &str, usual: (i64, i64)) -> Option<(i64, i64)> {
    if let Some((first, last)) = text.split_once("..") {
        return Some((first.parse().ok()?, last.parse().ok()?));
    }
    let first = text.parse().ok()?;
    // What came after the usual versions is in all that follow.
    let last = if first > usual.1 { NEWEST } else { usual.1 };
    Some((first, last))
}

fn wrapped(text: &'static str) -> (Wrap, &'static str) {
    match text.split_once(':') {
        Some(("seq", rest)) => (Wrap::Sequence, rest),
        Some(("opt", rest)) => (Wrap::Optional, rest),
        _ => (Wrap::Tensor, text),
    }
}

fn operand(word: &'static str) -> Option<OperandSpec> {
    let bare = word.trim_end_matches(['?', '!']);
    let marks = word.strip_prefix(bare)?;
    let (wrap, inner) = wrapped(bare.trim_start_matches('&'));
    let (shape, values) = match inner.split_once('=') {
        Some((shape, values)) => (shape, lists(values)),
        None => (inner, Vec::new()),
    };
    let (ty, dimensions) = match shape.split_once('[') {
        Some((ty, dimensions)) => {
            let dimensions = dimensions.strip_suffix(']')?;
            let split = dimensions.split(',').filter(|one| !one.is_empty());
            (ty, Some(split.collect()))
        }
        None => (shape, None),
    };
    if dimensions.is_none() && values.is_empty() && ty != "_" {
        return None;
    }
    Some(OperandSpec {
        wrap,
        ty,
        dimensions,
        values,
        optional: marks.contains('?'),
        constant: marks.contains('!'),
        outer: bare.starts_with('&'),
        absent: ty == "_",
    })
}

fn output(word: &'static str) -> OutputSpec {
    let (wrap, ty) = wrapped(word.trim_end_matches('?'));
    OutputSpec {
        wrap,
        ty,
        optional: word.ends_with('?'),
    }
}

fn attribute(word: &'static str) -> Option<AttributeSpec> {
    let (head, rest) = word.split_once(':')?;
    let (kind, choices) = rest.split_once('=')?;
    let (head, since) = match head.split_once('@') {
        Some((head, since)) => (head, since.parse().ok()?),
        None => (head, 0),
    };
    let choices = choices.split('|').collect();
    matches!(kind, "i" | "f" | "s" | "is" | "fs" | "ss" | "t" | "g").then_some(AttributeSpec {
        name: head.trim_end_matches('!'),
        since,
        required: head.ends_with('!'),
        kind,
        choices,
    })
}

fn lists(text: &'static str) -> Vec<Vec<&'static str>> {
    let lists = text.split('|');
    lists.map(|list| list.split(',').collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_can_be_read() {
        for text in TEXTS {
            for line in text.lines().filter(|line| header(line).is_none()) {
                let read = read(&mut Vec::new(), &Domain::default(), line);
                assert!(read.is_some(), "{line}");
            }
        }
        assert!(OPERATORS.len() > 270, "{} operators", OPERATORS.len());
    }

    #[test]
    fn a_line_says_what_an_operator_takes() {
        let mut all = Vec::new();
        let line = "One,Other@18..19  F[N,2*C]! i64=1,N|-1? _ &A[~] seq:A[] -> F i64? | at!:is=1,C|0 to@19:s=a";
        let domain = header("[d 13..21]").expect("a domain");
        read(&mut all, &domain, line).expect("a line");
        let names: Vec<_> = all.iter().map(|one| (one.domain, one.name)).collect();
        assert_eq!(names, [("d", "One"), ("d", "Other")]);
        assert_eq!(all[0].variants[0].versions, (13, 21));
        let variant = &all[1].variants[0];
        assert_eq!(variant.versions, (18, 19));
        let [first, second, third, fourth, fifth] = &variant.operands[..] else {
            panic!("five operands");
        };
        assert_eq!(first.dimensions, Some(vec!["N", "2*C"]));
        assert!(first.constant && !first.optional);
        assert_eq!(second.values, [vec!["1", "N"], vec!["-1"]]);
        assert!(second.optional && second.dimensions.is_none());
        assert!(third.absent && fourth.outer);
        assert_eq!(
            (fifth.wrap, fifth.dimensions.as_deref()),
            (Wrap::Sequence, Some(&[][..]))
        );
        assert!(variant.outputs[1].optional);
        assert!(variant.attributes[0].required);
        assert_eq!(variant.attributes[0].choices, ["1,C", "0"]);
        assert_eq!(
            (variant.attributes[1].since, variant.attributes[1].name),
            (19, "to")
        );
    }
}

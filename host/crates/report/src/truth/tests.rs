//! Which files of true values are taken, and what counts as right by each rule.

use super::*;

fn output(name: &str, data: &str) -> Output {
    Output {
        name: name.into(),
        content_type: "application/json".into(),
        data: data.as_bytes().to_vec(),
    }
}

fn read(text: &str, names: &[&str]) -> Result<Truth, Error> {
    Truth::parse(Path::new("truth.json"), text, names.iter().copied())
}

/// The score of one frame `a` by its outputs: right values, values, right frames.
fn score(text: &str, outputs: Option<&[Output]>) -> (usize, usize, usize) {
    let (truth, mut score) = (read(text, &["a"]).unwrap(), Score::default());
    truth.score("a", outputs, &mut score);
    assert_eq!(score.frames, 1);
    (score.values_right, score.values, score.frames_right)
}

/// The score of one field `v` under a rule.
fn field(rule: &str, expected: &str, came: &str) -> (usize, usize, usize) {
    let text = format!(
        r#"{{"compare": {{"v": {rule}}}, "frames": {{"a": {{"v": {expected}, "other": null}}}}}}"#
    );
    score(&text, Some(&[output("o", &format!(r#"{{"v": {came}}}"#))]))
}

fn refused(text: &str, parts: &[&str]) {
    let error = read(text, &["a"]).unwrap_err().to_string();
    for part in [&["`truth.json`"], parts].concat() {
        assert!(error.contains(part), "{error}: no {part}");
    }
}

#[test]
fn characters_are_counted_by_position() {
    let text = r#"{
        "compare": {"reading": {"by": "characters"}},
        "frames": {"a": "01234", "b": {"reading": "99999", "more": 1}, "c": "5", "d": {"reading": "äöü"}}
    }"#;
    let (truth, mut score) = (read(text, &["a"]).unwrap(), Score::default());
    let said = [
        output("text", "no JSON"),
        output("o", r#"{"reading":"01234"}"#),
        output("later", r#"{"reading":"x"}"#),
    ];
    truth.score("a", Some(&said), &mut score);
    truth.score(
        "b",
        Some(&[output("o", r#"{"reading":"9989"}"#)]),
        &mut score,
    );
    truth.score("c", None, &mut score);
    truth.score(
        "d",
        Some(&[output("o", r#"{"reading":"äöü!"}"#)]),
        &mut score,
    );
    truth.score("unknown", Some(&[]), &mut score);
    let expected = Score {
        values_right: 5 + 3 + 3,
        values: 5 + 5 + 1 + 3,
        frames_right: 1,
        frames: 4,
    };
    assert_eq!(score, expected);
}

#[test]
fn without_compare_every_field_counts_exactly() {
    let text =
        r#"{"a": {"reading": "12", "n": 1, "deep": {"x": [1, 2.5]}, "none": null, "/p/0": true}}"#;
    let all =
        r#"{"reading": "12", "n": 1.0, "deep": {"x": [1.0, 2.5]}, "none": null, "p": [true]}"#;
    assert_eq!(score(text, Some(&[output("o", all)])), (5, 5, 1));
    let some = r#"{"reading": "13", "n": "1", "deep": {"x": [1, 2.5, 3]}, "p": [1]}"#;
    assert_eq!(score(text, Some(&[output("o", some)])), (0, 5, 0));
    assert_eq!(score(text, Some(&[])), (0, 5, 0));
    assert_eq!(score(text, None), (0, 5, 0));
    // The fields may come in several outputs.
    let two = [
        output("one", r#"{"n": 1, "none": null}"#),
        output("two", r#"{"n": 2, "reading": "12"}"#),
    ];
    assert_eq!(score(text, Some(&two)), (3, 5, 0));
}

#[test]
fn a_value_alone_is_of_the_only_field() {
    let said = [output("o", r#"{"reading": "12", "n": 7, "l": [1]}"#)];
    assert_eq!(score(r#"{"a": "12"}"#, Some(&said)), (1, 1, 1));
    assert_eq!(score(r#"{"a": 12}"#, Some(&said)), (0, 1, 0));
    let of = |field: &str, value: &str| {
        let text = format!(r#"{{"compare": {{"{field}": {{}}}}, "frames": {{"a": {value}}}}}"#);
        score(&text, Some(&said))
    };
    assert_eq!(of("n", "7"), (1, 1, 1));
    assert_eq!(of("l", "[1.0]"), (1, 1, 1));
    assert_eq!(of("/l/0", "1"), (1, 1, 1));
    refused(
        r#"{"compare": {"n": {}, "m": {}}, "frames": {"a": 7}}"#,
        &["the frame `a`", "is a number", "`m` or `n`"],
    );
}

#[test]
fn tolerances_hold_for_numbers_and_each_element() {
    let half = r#"{"tolerance": 0.5}"#;
    assert_eq!(field(half, "21.5", "22"), (1, 1, 1));
    assert_eq!(field(half, "21.5", "22.01"), (0, 1, 0));
    assert_eq!(field(half, "21.5", "\"21.5\""), (0, 1, 0));
    assert_eq!(field(half, "21.5", "[21.5]"), (0, 1, 0));
    assert_eq!(field(half, "[1, 2, 3]", "[1.5, 2.6, 3]"), (2, 3, 0));
    assert_eq!(field(half, "[1, 2, 3]", "[1, 2]"), (2, 3, 0));
    assert_eq!(field(half, "[1, 2, 3]", "[1, 2, 3, 4]"), (3, 3, 0));
    assert_eq!(field(half, "[[1, 2], [3]]", "[[1, 2], [3.4]]"), (3, 3, 1));
    assert_eq!(field(half, "[[1, 2], [3]]", "[1, [3]]"), (1, 3, 0));
    assert_eq!(field(half, "[]", "[]"), (1, 1, 1));
    assert_eq!(field(half, "[]", "[1]"), (0, 1, 0));
    // What is as far apart as the tolerance in decimals is near enough.
    for (a, b) in [
        ("21.3", "21.4"),
        ("21.4", "21.3"),
        ("1.0", "1.1"),
        ("0", "0.1"),
    ] {
        assert_eq!(field(r#"{"tolerance": 0.1}"#, a, b), (1, 1, 1), "{a} {b}");
    }
    assert_eq!(
        field(r#"{"tolerance": 0}"#, "0.3", "0.30000000000000004"),
        (0, 1, 0)
    );
    assert_eq!(
        field(r#"{"tolerance": 1e308}"#, "1e308", "-1e308"),
        (0, 1, 0)
    );
}

#[test]
fn whole_numbers_are_compared_as_such() {
    let right = |rule, expected, came| match field(rule, expected, came) {
        (1, 1, 1) => true,
        (0, 1, 0) => false,
        other => panic!("{other:?}"),
    };
    for rule in ["{}", r#"{"tolerance": 0}"#] {
        for (expected, came, is) in [
            ("1", "1.0", true),
            ("0", "-0.0", true),
            ("9007199254740993", "9007199254740993", true),
            ("9007199254740993", "9007199254740992", false),
            ("9007199254740993", "9007199254740992.0", false),
            ("18446744073709551615", "18446744073709551614", false),
            ("-9223372036854775808", "-9223372036854775807", false),
            ("1e300", "1e300", true),
            ("1", "1.5", false),
        ] {
            assert_eq!(right(rule, expected, came), is, "{rule} {expected} {came}");
        }
    }
    let one = r#"{"tolerance": 1}"#;
    assert!(right(one, "9007199254740993", "9007199254740992"));
    assert!(!right(one, "9007199254740994", "9007199254740992"));
}

#[test]
fn a_field_is_found_by_pointer_and_by_output() {
    let text = |entry: &str| {
        format!(
            r#"{{"compare": {{"/position/x": {{"output": "place"}}}}, "frames": {{"a": {entry}}}}}"#
        )
    };
    let said = [
        output("other", r#"{"position": {"x": 1}}"#),
        output("place", r#"{"position": {"x": 2}}"#),
    ];
    for entry in [r#"{"position": {"x": 2}}"#, r#"{"/position/x": 2}"#, "2"] {
        assert_eq!(score(&text(entry), Some(&said)), (1, 1, 1), "{entry}");
        assert_eq!(score(&text(entry), Some(&said[..1])), (0, 1, 0), "{entry}");
    }
}

#[test]
fn an_entry_is_asked_only_for_what_it_has() {
    let text = r#"{
        "compare": {"reading": {"by": "characters"}, "t": {"tolerance": 1}},
        "frames": {"a": {"t": 3, "note": "dark"}}
    }"#;
    let said = [output("o", r#"{"reading": "1", "t": 4}"#)];
    assert_eq!(score(text, Some(&said)), (1, 1, 1));
}

#[test]
fn an_empty_text_is_a_value() {
    let by = r#"{"by": "characters"}"#;
    assert_eq!(field(by, r#""""#, r#""""#), (1, 1, 1));
    assert_eq!(field(by, r#""""#, r#""1""#), (0, 1, 0));
    assert_eq!(field(by, r#""""#, "1"), (0, 1, 0));
}

#[test]
fn names_may_lack_their_extension_and_stand_below_frames() {
    let text = r#"{"schema": 1, "frames": {"a": {"reading": "1"}, "b.pgm": "2"}}"#;
    let (truth, mut score) = (read(text, &["a.jpg"]).unwrap(), Score::default());
    truth.score(
        "a.jpg",
        Some(&[output("o", r#"{"reading":"1"}"#)]),
        &mut score,
    );
    truth.score(
        "b.pgm",
        Some(&[output("o", r#"{"reading":"2"}"#)]),
        &mut score,
    );
    truth.score("b.jpg", None, &mut score);
    assert_eq!((score.frames_right, score.frames), (2, 2));
}

#[test]
fn another_file_is_refused() {
    refused("{", &["is not JSON"]);
    refused("[]", &["JSON object", "it is an array"]);
    refused(r#"{"b": "1"}"#, &["such as `a`"]);
    refused(r#"{"frames": [1]}"#, &["JSON object", "expected a map"]);
    refused(
        r#"{"frames": {"a": 1}, "compere": {}}"#,
        &["`compere`", "`compare`"],
    );
    refused(r#"{"compare": {"n": {}}}"#, &["`frames`"]);
    refused(r#"{"a": null}"#, &["the frame `a` is null"]);
    refused(r#"{"a": {}}"#, &["the frame `a`", "without fields"]);
}

#[test]
fn rules_that_do_not_fit_are_refused() {
    let rule = |rule: &str, parts: &[&str]| {
        let text = format!(r#"{{"compare": {{"v": {rule}}}, "frames": {{"a": {{"v": true}}}}}}"#);
        refused(&text, &[&["`compare` of `v`"], parts].concat());
    };
    rule(r#"{"by": "digits"}"#, &["`digits`", "`characters`"]);
    rule(r#"{"tolerance": -0.5}"#, &["at least 0", "-0.5"]);
    rule(r#"{"tolerance": "1"}"#, &["string \"1\"", "f64"]);
    rule(r#"{"tolerence": 1}"#, &["`tolerence`", "`tolerance`"]);
    rule(r#"{"by": "characters", "tolerance": 1}"#, &["both"]);
    rule("1", &["integer `1`"]);
    refused(
        r#"{"compare": {}, "frames": {}}"#,
        &["`compare` names no field"],
    );
    refused(
        r#"{"compare": {"v": {"by": "characters"}}, "frames": {"a": {"v": 1}}}"#,
        &["the frame `a`", "`v`", "expected text, got a number"],
    );
    refused(
        r#"{"compare": {"v": {"tolerance": 1}}, "frames": {"a": {"v": [1, "2"]}}}"#,
        &["the frame `a`", "`v`", "array of numbers, got text"],
    );
    refused(
        r#"{"compare": {"v": {}, "w": {}}, "frames": {"a": {"x": 1}}}"#,
        &["the frame `a` has no field", "`v` or `w`"],
    );
}

#[test]
fn older_scores_are_read() {
    let old = r#"{"digits_right": 1, "digits": 2, "readings_right": 3, "readings": 4}"#;
    let expected = Score {
        values_right: 1,
        values: 2,
        frames_right: 3,
        frames: 4,
    };
    let old = format!(r#"{{"digits": 0.5, "readings": 0.75, "of": {old}}}"#);
    let read: crate::Accuracy = serde_json::from_str(&old).unwrap();
    assert_eq!((read.values, read.frames, read.of), (0.5, 0.75, expected));
}

//! What a guest's bytes may cost before anything of it runs: small files that stand for very much.

use std::{fmt::Write, fs, time::Instant};

use tollgate_runtime::Plugin;

use super::starts::{refused, say_all, wat};
use crate::support::{component, has};

/// A number as LEB128.
fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        bytes.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return bytes;
        }
    }
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(content.len()), content].concat()
}

/// A component of these sections.
fn component_of(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", &sections.concat()[..]].concat()
}

/// `compile bombs`: each is refused, by everything that would read it, before anything recurses.
#[test]
fn compile_bombs() {
    // Components in each other, built from the inside. The sizes are what the bytes of each level add up to.
    let mut headers: Vec<Vec<u8>> = Vec::new();
    let mut inner = 8;
    for _ in 0..100_000 {
        let header = [&[4u8][..], &leb(inner), b"\0asm\x0d\0\x01\0"].concat();
        inner += header.len() - 8 + 8;
        headers.push(header);
    }
    let nested = |depth: usize| {
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        for header in headers[..depth].iter().rev() {
            wasm.extend(header);
        }
        wasm
    };
    // A component type in each other's declarations.
    let mut types = vec![1];
    types.extend([0x42, 1, 1].repeat(100_000));
    types.extend([0x42, 0]);
    let types = component_of(&[section(7, &types)]);
    // Each component instantiates the one before it twice.
    let mut text = String::from(
        "(component (component $c0 (core module $m) (core instance (instantiate $m)))",
    );
    for n in 1..40 {
        let before = n - 1;
        write!(
            text,
            "(component $c{n} (alias outer 1 $c{before} (component $b)) (instance (instantiate $b)) \
             (instance (instantiate $b)))"
        )
        .expect("written");
    }
    text.push_str("(instance (instantiate $c39)))");
    let doubled = wat(&text);
    for (what, wasm, words) in [
        ("20,000 deep", nested(20_000), "inside each other"),
        ("100,000 deep", nested(100_000), "inside each other"),
        ("types", types.clone(), "types inside each other"),
        ("doubled", doubled, "unrolled"),
    ] {
        has(&refused(&wasm), &[words]);
        let seen = tollgate_inspect::inspect(&wasm)
            .map(|_| ())
            .expect_err(what)
            .to_string();
        has(&seen, &[words]);
    }
    for (code, said) in &say_all(&nested(100_000)) {
        assert_eq!(*code, Some(1), "{said}");
        has(said, &["inside each other"]);
    }
    // A module whose world is such a component: `pack` would read it.
    let name = "component-type:bomb";
    let mut custom = leb(name.len());
    custom.extend(name.as_bytes());
    custom.extend(&types);
    let described = [b"\0asm\x01\0\0\0", &section(0, &custom)[..]].concat();
    let [_, packed, _] = say_all(&described);
    assert_eq!(packed.0, Some(1));
    has(&packed.1, &["types inside each other"]);
    // What honest toolchains make is none of these.
    for honest in [
        "counter-python",
        "counter-js",
        "wasi3-plugin",
        "meter-reader",
    ] {
        let wasm = fs::read(component(honest)).expect("a component");
        Plugin::check(&wasm).expect("an outline");
    }
}

/// `compile bombs`: small code that stands for very much.
#[test]
fn functions_that_multiply() {
    let module = |types: &[u8], functions: usize, body: &[u8]| {
        let mut declared = leb(functions);
        declared.extend(vec![0; functions]);
        let mut code = leb(functions);
        for _ in 0..functions {
            code.extend(leb(body.len()));
            code.extend(body);
        }
        let sections = [section(1, types), section(3, &declared), section(10, &code)];
        [b"\0asm\x01\0\0\0", &sections.concat()[..]].concat()
    };
    let void = [1, 0x60, 0, 0];
    // 50,000 locals in each of 9,000 functions: 81 kB.
    let locals = [&[1][..], &leb(50_000), &[0x7f, 0x0b]].concat();
    has(&refused(&module(&void, 9_000, &locals)), &["values"]);
    // A call that gives 1,000 results, 60,000 times in all.
    let mut results = vec![1, 0x60, 0];
    results.extend(leb(1_000));
    results.extend(vec![0x7f; 1_000]);
    let calls = [&[0][..], &[0x10, 0].repeat(3_000), &[0x00, 0x0b]].concat();
    has(&refused(&module(&results, 40, &calls)), &["values"]);
    // Loops in each other, and locals that every one of them has to merge.
    let mut loops = [&[1][..], &leb(30_000), &[0x7f]].concat();
    for _ in 0..20_000 {
        loops.extend([0x03, 0x40]);
    }
    for local in 0..30_000 {
        loops.push(0x20);
        loops.extend(leb(local));
        loops.push(0x1a);
    }
    loops.extend(vec![0x0b; 20_001]);
    has(&refused(&module(&void, 1, &loops)), &["merged"]);
    // One function of two megabytes.
    let long = [&[0][..], &[0x01].repeat(2 << 20), &[0x0b]].concat();
    has(
        &refused(&module(&void, 1, &long)),
        &["bytes of one function"],
    );
}

/// `quadratic inspect`: the time may not grow with the square.
#[test]
fn many_imports() {
    let module = |imports: usize| {
        let mut text = String::from("(module (type (func))");
        for n in 0..imports {
            write!(text, "(import \"m{n}\" \"f\" (func (type 0)))").expect("written");
        }
        text.push(')');
        wat(&text)
    };
    let one_module = |imports: usize| {
        let mut text = String::from("(module (type (func))");
        for n in 0..imports {
            write!(text, "(import \"m\" \"f{n}\" (func (type 0)))").expect("written");
        }
        text.push(')');
        wat(&text)
    };
    let begun = Instant::now();
    for wasm in [module(80_000), one_module(80_000)] {
        let seen = tollgate_inspect::inspect(&wasm).expect("an inspection");
        let functions: usize = seen
            .imports
            .iter()
            .map(|import| import.functions.len())
            .sum();
        assert_eq!(functions, 80_000);
        let [ran, packed, shown] = say_all(&wasm);
        for (_, said) in [&ran, &packed, &shown] {
            assert!(said.len() < 64 << 10, "{} bytes", said.len());
        }
        assert_eq!((ran.0, packed.0, shown.0), (Some(1), Some(1), Some(0)));
    }
    // It took 12 seconds for one when it was quadratic, and then for each of eight readings.
    assert!(begun.elapsed().as_secs() < 40, "{:?}", begun.elapsed());
}

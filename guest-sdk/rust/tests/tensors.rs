//! Tensors and their elements: casts, alignment, and the rounding of the 16-bit floats.
#![cfg(not(target_family = "wasm"))]

use std::borrow::Cow;

use tollgate_guest::{Bf16, ErrorCode, F16, Graph, Input, Tensor, TensorRef, TensorType};

#[test]
fn inputs_show_their_bytes_in_place() {
    let floats = [1.0f32, -2.0];
    let input = Input::new(&[1, 2], &floats);
    assert_eq!(input.ty, TensorType::Fp32);
    assert_eq!(input.data.as_ptr(), floats.as_ptr().cast());
    assert_eq!(input.data, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    let input = Input::from(TensorRef {
        name: Some("x"),
        dimensions: &[2],
        data: &[F16(1), F16(2)],
    });
    assert_eq!(
        (input.name, input.ty, input.data),
        (Some("x"), TensorType::Fp16, &[1, 0, 2, 0][..])
    );
    assert_eq!(Input::new(&[], &[7i64]).named("n").name, Some("n"));
}

#[test]
fn tensors_are_read_in_their_own_type() {
    let tensor = Tensor::new(&[3], &[1i64, -1, i64::MIN]);
    assert_eq!(
        (tensor.dimensions(), tensor.ty(), tensor.bytes().len()),
        (&[3][..], TensorType::I64, 24)
    );
    assert_eq!(
        tensor.as_slice::<i64>().unwrap(),
        Cow::Borrowed(&[1, -1, i64::MIN])
    );
    let error = tensor.as_slice::<f32>().unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidArgument);
    assert!(
        error.message.contains("i64") && error.message.contains("fp32"),
        "{error}"
    );
    assert!(
        Tensor::new::<f64>(&[0], &[])
            .as_slice::<f64>()
            .unwrap()
            .is_empty()
    );
    for (tensor, ty, size) in [
        (Tensor::new(&[1], &[F16(1)]), TensorType::Fp16, 2),
        (Tensor::new(&[1], &[1f32]), TensorType::Fp32, 4),
        (Tensor::new(&[1], &[1f64]), TensorType::Fp64, 8),
        (Tensor::new(&[1], &[Bf16(1)]), TensorType::Bf16, 2),
        (Tensor::new(&[1], &[1u8]), TensorType::U8, 1),
        (Tensor::new(&[1], &[1i32]), TensorType::I32, 4),
        (Tensor::new(&[1], &[1i64]), TensorType::I64, 8),
    ] {
        assert_eq!(
            (tensor.ty(), tensor.bytes().len(), ty.size()),
            (ty, size, size)
        );
    }
}

#[test]
fn known_halves() {
    for (value, bits) in [
        (0.0, 0x0000),
        (-0.0, 0x8000),
        (1.0, 0x3c00),
        (-2.0, 0xc000),
        (0.1, 0x2e66),
        (1.0 / 3.0, 0x3555),
        (65504.0, 0x7bff),
        (65519.9, 0x7bff),
        (65520.0, 0x7c00),
        (f32::INFINITY, 0x7c00),
        (-1e9, 0xfc00),
        (6.103_515_6e-5, 0x0400),
        (5.960_464_5e-8, 0x0001),
        (2.980_232_2e-8, 0x0000),
        (2.980_232_6e-8, 0x0001),
        (8.940_697e-8, 0x0002),
        (2049.0, 0x6800),
        (2051.0, 0x6802),
    ] {
        assert_eq!(F16::from_f32(value), F16(bits), "{value}");
    }
    assert!(F16::from_f32(f32::NAN).to_f32().is_nan());
    assert!(F16::from_f32(f32::from_bits(0x7f80_0001)).to_f32().is_nan());
}

#[test]
fn every_half_comes_back() {
    for bits in 0..=u16::MAX {
        let value = F16(bits).to_f32();
        if value.is_nan() {
            assert!(F16::from_f32(value).to_f32().is_nan());
        } else {
            assert_eq!(F16::from_f32(value), F16(bits));
        }
    }
}

/// Between two neighbours everything goes to the nearer one, and the middle to the even one.
#[test]
fn halves_round_to_nearest_even() {
    for bits in 0..0x7bff_u16 {
        let (low, high) = (F16(bits), F16(bits + 1));
        let middle = (low.to_f32() + high.to_f32()) / 2.0;
        let even = if bits % 2 == 0 { low } else { high };
        assert_eq!(F16::from_f32(middle), even);
        assert_eq!(F16::from_f32(middle.next_down()), low);
        assert_eq!(F16::from_f32(middle.next_up()), high);
        assert_eq!(F16::from_f32(-middle), F16(even.0 | 0x8000));
    }
}

#[test]
fn brain_floats_round_to_nearest_even() {
    for bits in (0..0x7f7f_u16).step_by(7).chain(0x7f00..0x7f7f) {
        let (low, high) = (Bf16(bits), Bf16(bits + 1));
        let middle = f32::from_bits(u32::from(bits) << 16 | 0x8000);
        let even = if bits % 2 == 0 { low } else { high };
        assert_eq!(Bf16::from_f32(low.to_f32()), low);
        assert_eq!(Bf16::from_f32(middle), even);
        assert_eq!(Bf16::from_f32(middle.next_down()), low);
        assert_eq!(Bf16::from_f32(middle.next_up()), high);
    }
    assert_eq!(Bf16::from_f32(1.0), Bf16(0x3f80));
    assert_eq!(Bf16::from_f32(f32::MAX), Bf16(0x7f80));
    assert_eq!(Bf16::from_f32(f32::NEG_INFINITY), Bf16(0xff80));
    assert!(
        Bf16::from_f32(f32::from_bits(0x7f80_0001))
            .to_f32()
            .is_nan()
    );
}

#[test]
fn without_a_host_a_graph_is_a_clear_error() {
    let error = Graph::load("classifier").map(drop).unwrap_err();
    assert_eq!(error.code, ErrorCode::UnsupportedOperation);
    assert!(
        error.message.starts_with("no host: graph 'classifier'"),
        "{error}"
    );
}

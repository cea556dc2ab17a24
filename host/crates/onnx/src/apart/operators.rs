//! The operators that are known to keep rows apart, each with the rule that says when.
//!
//! An operator that is not in here is not known, and a graph with it is not merged. Left out on
//! purpose: what draws random numbers; what quantises by what came (`DynamicQuantizeLinear`,
//! `DynamicQuantizeMatMul`); what gives as much as it finds (`NonZero`, `Unique`, `Compress`,
//! `NonMaxSuppression`); what has the rows on another axis (`LSTM`, `GRU`, `RNN`); and whatever runs a
//! graph within the graph (`If`, `Loop`, `Scan`).

use super::{
    call::{Call, Given, unknown},
    layout, matrix, pick, pointwise, reduce, window,
};
use crate::Node;

/// The versions of ONNX's operators that the rules were written for.
pub(super) const OPSETS: std::ops::RangeInclusive<i64> = 7..=26;

/// What an operator gives.
pub(super) fn apply(call: &Call<'_>) -> Given {
    match call.node.domain {
        "" => standard(call),
        "com.microsoft" => contributed(call),
        _ => unknown("it is an operator of nobody's standard"),
    }
}

/// Whether a node may take a list with the number of rows in it, and give one.
pub(super) fn passes_shapes(node: &Node<'_>) -> bool {
    node.domain.is_empty()
        && matches!(
            node.operator,
            "Identity"
                | "Cast"
                | "Gather"
                | "Slice"
                | "Concat"
                | "Squeeze"
                | "Unsqueeze"
                | "Reshape"
        )
}

/// The input from which a node reads a shape, which may have the number of rows in it.
pub(super) fn shape_input(node: &Node<'_>) -> Option<usize> {
    match (node.domain, node.operator) {
        ("", "ConstantOfShape") => Some(0),
        ("", "Reshape" | "Expand") => Some(1),
        ("", "Resize") => Some(3),
        _ => None,
    }
}

fn standard(call: &Call<'_>) -> Given {
    match call.node.operator {
        // Element by element.
        "Abs" | "Acos" | "Acosh" | "Asin" | "Asinh" | "Atan" | "Atanh" | "BitwiseNot" | "Ceil"
        | "Celu" | "Cos" | "Cosh" | "Elu" | "Erf" | "Exp" | "Floor" | "Gelu" | "HardSigmoid"
        | "HardSwish" | "IsInf" | "IsNaN" | "LeakyRelu" | "Log" | "Mish" | "Neg" | "Not"
        | "Reciprocal" | "Relu" | "Round" | "Selu" | "Shrink" | "Sigmoid" | "Sign" | "Sin"
        | "Sinh" | "Softplus" | "Softsign" | "Sqrt" | "Tan" | "Tanh" | "ThresholdedRelu"
        | "CastLike" => pointwise::unary(call),
        "Identity" => pointwise::same(call),
        "Cast" => pointwise::cast(call),
        "Add" | "And" | "BitShift" | "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" | "Div"
        | "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Max" | "Mean"
        | "Min" | "Mod" | "Mul" | "Or" | "PRelu" | "Pow" | "Sub" | "Sum" | "Where" | "Xor" => {
            pointwise::broadcast(call)
        }
        "Clip" => pointwise::clip(call),
        "Dropout" => pointwise::dropout(call),
        "QuantizeLinear" | "DequantizeLinear" => pointwise::quantize(call),
        // Along axes.
        "Softmax" | "LogSoftmax" | "Hardmax" => pointwise::softmax(call),
        "LpNormalization" => pointwise::along(call, -1),
        "LayerNormalization" | "RMSNormalization" => pointwise::layer_norm(call),
        "BatchNormalization" | "InstanceNormalization" | "GroupNormalization" | "LRN" => {
            pointwise::channel_norm(call)
        }
        "MeanVarianceNormalization" => pointwise::mean_variance(call),
        "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceMax"
        | "ReduceMean" | "ReduceMin" | "ReduceProd" | "ReduceSum" | "ReduceSumSquare" => {
            reduce::reduce(call)
        }
        "ArgMax" | "ArgMin" => reduce::arg(call),
        "TopK" => reduce::top_k(call),
        "CumSum" => reduce::cum_sum(call),
        // Products and windows.
        "MatMul" => matrix::matmul(call),
        "MatMulInteger" => matrix::matmul_integer(call),
        "QLinearMatMul" => matrix::qlinear_matmul(call),
        "Gemm" => matrix::gemm(call),
        "Conv" => window::conv(call, 1),
        "ConvInteger" => conv_integer(call),
        "QLinearConv" => window::conv(call, 3),
        "ConvTranspose" => window::conv_transpose(call),
        "MaxPool" | "AveragePool" | "LpPool" => window::pool(call),
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => window::global_pool(call),
        "DepthToSpace" => window::depth(call, true),
        "SpaceToDepth" => window::depth(call, false),
        "Resize" | "Upsample" => window::resize(call),
        // Moved, and not computed.
        "Shape" => layout::shape(call),
        "Flatten" => layout::flatten(call),
        "Reshape" => layout::reshape(call),
        "Transpose" => layout::transpose(call),
        "Squeeze" => layout::squeeze(call),
        "Unsqueeze" => layout::unsqueeze(call),
        "Concat" => layout::concat(call),
        "Split" => pick::split(call),
        "Slice" => pick::slice(call),
        "Gather" => pick::gather(call),
        "GatherElements" => pick::gather_elements(call),
        "Pad" => layout::pad(call),
        "Expand" => layout::expand(call),
        "Tile" => layout::tile(call),
        "ConstantOfShape" => layout::constant_of_shape(call),
        "Range" => layout::range(call),
        "OneHot" => pick::one_hot(call),
        "Trilu" => layout::trilu(call),
        _ => unknown("it is not known to keep rows apart"),
    }
}

/// Operators of ONNX Runtime's own that its tools write into models.
fn contributed(call: &Call<'_>) -> Given {
    match call.node.operator {
        "Gelu" | "QuickGelu" => pointwise::unary(call),
        "BiasGelu" | "FastGelu" => pointwise::broadcast(call),
        "QuantizeLinear" | "DequantizeLinear" => pointwise::quantize(call),
        "QLinearAdd" | "QLinearMul" => pointwise::qlinear_pair(call),
        "QLinearLeakyRelu" | "QLinearSigmoid" => pointwise::unary(call),
        _ => unknown("it is not known to keep rows apart"),
    }
}

/// `ConvInteger`: the input's zero point is one number by the standard's own rule.
fn conv_integer(call: &Call<'_>) -> Given {
    if call.optional(2).is_some_and(|zero| !zero.is_single()) {
        return unknown("its zero point is no single number");
    }
    window::conv(call, 1)
}

//! Writes small ONNX models, field by field, so that a test can also write what no exporter would.

/// A length-delimited field.
pub fn field(number: u32, body: &[u8]) -> Vec<u8> {
    [
        varint(u64::from(number << 3 | 2)),
        varint(body.len() as u64),
        body.to_vec(),
    ]
    .concat()
}

/// A field that is a number.
pub fn number(field: u32, value: i64) -> Vec<u8> {
    [varint(u64::from(field << 3)), varint(value.cast_unsigned())].concat()
}

/// A number as protobuf and WebAssembly write it, seven bits a byte.
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub const FLOAT: i64 = 1;
pub const UINT8: i64 = 2;
pub const INT32: i64 = 6;
pub const INT64: i64 = 7;

/// An attribute of a node.
#[derive(Clone)]
pub struct Attribute(Vec<u8>);

pub fn whole(name: &str, value: i64) -> Attribute {
    let parts = [field(1, name.as_bytes()), number(3, value), number(20, 2)];
    Attribute(parts.concat())
}

pub fn wholes(name: &str, values: &[i64]) -> Attribute {
    let mut parts = vec![field(1, name.as_bytes()), number(20, 7)];
    parts.extend(values.iter().map(|value| number(8, *value)));
    Attribute(parts.concat())
}

pub fn text(name: &str, value: &str) -> Attribute {
    let parts = [
        field(1, name.as_bytes()),
        field(4, value.as_bytes()),
        number(20, 3),
    ];
    Attribute(parts.concat())
}

pub fn graph(name: &str, graph: &[u8]) -> Attribute {
    Attribute([field(1, name.as_bytes()), field(6, graph), number(20, 5)].concat())
}

pub fn node(
    operator: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: &[Attribute],
) -> Vec<u8> {
    node_of("", operator, inputs, outputs, attributes)
}

pub fn node_of(
    domain: &str,
    operator: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: &[Attribute],
) -> Vec<u8> {
    let mut parts = Vec::new();
    parts.extend(inputs.iter().map(|name| field(1, name.as_bytes())));
    parts.extend(outputs.iter().map(|name| field(2, name.as_bytes())));
    parts.push(field(4, operator.as_bytes()));
    parts.extend(attributes.iter().map(|attribute| field(5, &attribute.0)));
    parts.push(field(7, domain.as_bytes()));
    parts.concat()
}

/// A constant of single-precision numbers.
pub fn reals(name: &str, dimensions: &[i64], values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    constant(name, FLOAT, dimensions, &raw)
}

/// A constant list of whole numbers.
pub fn list(name: &str, values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    constant(name, INT64, &[values.len() as i64], &raw)
}

/// A constant whole number.
pub fn scalar(name: &str, value: i64) -> Vec<u8> {
    constant(name, INT64, &[], &value.to_le_bytes())
}

pub fn constant(name: &str, ty: i64, dimensions: &[i64], raw: &[u8]) -> Vec<u8> {
    let mut parts: Vec<_> = dimensions.iter().map(|size| number(1, *size)).collect();
    parts.extend([number(2, ty), field(8, name.as_bytes()), field(9, raw)]);
    parts.concat()
}

/// What a graph takes or gives; a dimension below zero is open, each with a name of its own.
pub fn value(name: &str, ty: i64, dimensions: &[i64]) -> Vec<u8> {
    let dimensions = dimensions.iter().map(|&size| {
        field(
            1,
            &match size {
                ..0 => field(2, format!("d{}", -size).as_bytes()),
                size => number(1, size),
            },
        )
    });
    let shape = dimensions.collect::<Vec<_>>().concat();
    let tensor = [number(1, ty), field(2, &shape)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

/// As [`value`], of whatever dimensions.
pub fn unranked(name: &str, ty: i64) -> Vec<u8> {
    [
        field(1, name.as_bytes()),
        field(2, &field(1, &number(1, ty))),
    ]
    .concat()
}

/// A model.
pub struct Model {
    pub opset: i64,
    pub ir: i64,
    pub nodes: Vec<Vec<u8>>,
    pub constants: Vec<Vec<u8>>,
    pub inputs: Vec<Vec<u8>>,
    pub outputs: Vec<Vec<u8>>,
}

impl Model {
    /// Takes `x` and gives `y`, single-precision, of these dimensions.
    pub fn new(takes: &[i64], gives: &[i64]) -> Self {
        Self {
            opset: 17,
            ir: 8,
            nodes: Vec::new(),
            constants: Vec::new(),
            inputs: vec![value("x", FLOAT, takes)],
            outputs: vec![value("y", FLOAT, gives)],
        }
    }

    pub fn node(self, operator: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        self.with(operator, inputs, outputs, &[])
    }

    pub fn with(
        mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[Attribute],
    ) -> Self {
        self.nodes.push(node(operator, inputs, outputs, attributes));
        self
    }

    pub fn constant(mut self, constant: Vec<u8>) -> Self {
        self.constants.push(constant);
        self
    }

    pub fn opset(mut self, opset: i64) -> Self {
        self.opset = opset;
        self
    }

    pub fn graph(&self) -> Vec<u8> {
        let mut parts: Vec<_> = self.nodes.iter().map(|node| field(1, node)).collect();
        parts.push(field(2, b"g"));
        parts.extend(self.constants.iter().map(|one| field(5, one)));
        parts.extend(self.inputs.iter().map(|one| field(11, one)));
        parts.extend(self.outputs.iter().map(|one| field(12, one)));
        parts.concat()
    }

    pub fn bytes(&self) -> Vec<u8> {
        let standard = [field(1, b""), number(2, self.opset)].concat();
        let contributed = [field(1, b"com.microsoft"), number(2, 1)].concat();
        let parts = [
            number(1, self.ir),
            field(7, &self.graph()),
            field(8, &standard),
            field(8, &contributed),
        ];
        parts.concat()
    }
}

//! `cargo xtask bench`: measurements. The one there is compares the boundary with its peers.

use anyhow::{Result, bail};

/// What one inference through the boundary costs, beside native ONNX Runtime and the peers.
pub fn boundary(_json: bool) -> Result<()> {
    bail!("the boundary benchmark is not here yet")
}

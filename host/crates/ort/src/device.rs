//! The devices on which a graph can run.
//!
//! A device stands for one execution provider of ONNX Runtime. This file only names them; `session` refuses to
//! load a graph on a device that is not there, and never chooses another one.

use std::{fmt, str::FromStr};

use ort::ep::{self, ExecutionProviderDispatch};

/// A device on which a graph can run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// The processor, by ONNX Runtime's own kernels.
    #[default]
    Cpu,
    /// NVIDIA, by CUDA and cuDNN.
    Cuda,
    /// NVIDIA, by TensorRT.
    TensorRt,
    /// Intel processors, graphics and NPUs, by OpenVINO.
    OpenVino,
    /// Apple, by Core ML.
    CoreMl,
    /// Windows, by DirectML.
    DirectMl,
    /// The processor, by XNNPACK.
    Xnnpack,
}

impl Device {
    /// All of them.
    pub const ALL: [Device; 7] = [
        Device::Cpu,
        Device::Cuda,
        Device::TensorRt,
        Device::OpenVino,
        Device::CoreMl,
        Device::DirectMl,
        Device::Xnnpack,
    ];

    /// The name that people type.
    pub const fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
            Device::TensorRt => "tensorrt",
            Device::OpenVino => "openvino",
            Device::CoreMl => "coreml",
            Device::DirectMl => "directml",
            Device::Xnnpack => "xnnpack",
        }
    }

    /// The provider's registration, which returns an error if it fails; none for the CPU, which is always
    /// there.
    pub(crate) fn registration(self) -> Option<ExecutionProviderDispatch> {
        let dispatch = match self {
            Device::Cpu => return None,
            Device::Cuda => ep::CUDA::default().build(),
            Device::TensorRt => ep::TensorRT::default().build(),
            Device::OpenVino => ep::OpenVINO::default().build(),
            Device::CoreMl => ep::CoreML::default().build(),
            Device::DirectMl => ep::DirectML::default().build(),
            Device::Xnnpack => ep::XNNPACK::default().build(),
        };
        Some(dispatch.error_on_failure())
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|device| device.name() == text)
            .ok_or_else(|| {
                format!(
                    "unknown device `{text}`: expected one of {}",
                    Self::ALL.map(Device::name).join(", ")
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for device in Device::ALL {
            assert_eq!(device.name().parse(), Ok(device));
        }
        let error = "gpu".parse::<Device>().unwrap_err();
        assert!(error.contains("`gpu`") && error.contains("cuda"), "{error}");
    }
}

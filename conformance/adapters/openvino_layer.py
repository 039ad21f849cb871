"""OpenVINO, its CPU plugin, with a hint for the precision of the inputs."""

import openvino

from conformance.adapters import onnx_model


class Layer(onnx_model.Layer):
  def load(self, made):
    core = openvino.Core()
    hint = {'float32': 'f32', 'float16': 'f16'}[self.dtype]
    compiled = core.compile_model(
      core.read_model(made, b''), 'CPU', {'INFERENCE_PRECISION_HINT': hint}
    )
    return lambda arrays: [*compiled(arrays).values()]

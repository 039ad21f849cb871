"""OpenVINO, its CPU plugin, told to compute in float32.

Its default depends on the machine: bfloat16 where the CPU has that, else float32.
"""

import openvino

from conformance.adapters import onnx_model


class Layer(onnx_model.Layer):
  STORES_WIDER = False  # refused: "model wasn't fully converted"

  def load(self, made):
    core = openvino.Core()
    compiled = core.compile_model(
      core.read_model(made, b''), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'}
    )
    return lambda arrays: [*compiled(arrays).values()]

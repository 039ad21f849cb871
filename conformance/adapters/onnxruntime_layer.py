"""ONNX Runtime, its CPU provider."""

import onnxruntime

from conformance.adapters import onnx_model


class Layer(onnx_model.Layer):
  def load(self, made):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
      made, options, providers=['CPUExecutionProvider']
    )
    return lambda arrays: session.run(None, arrays)

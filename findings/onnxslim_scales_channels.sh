#!/usr/bin/env bash
# OnnxSlim takes a multiplier along the height or width of a map for one of its channels.
#
# Sworn: slim() folds a product with a constant into the convolution before it only if the constant has one number for
#   each channel, shape (C, 1, 1); the README promises "same accuracy".
# Seen: it looks at how many numbers there are, not along which axis they lie. With 8 channels and 8 columns a window
#   over the columns, shape (1, 1, 8) or (8,), and one over the rows, (1, 8, 1), are folded into the weights as if each
#   number were a channel's: the result is the map with its channels scaled. With 9 columns the window is kept. A
#   BatchNorm between the two is folded first, and the same happens. Nothing is said.
# Version: onnxslim 0.1.98 with onnx 1.23.2, sympy 1.14.0 and numpy 2.4.6, 2026-11-30.
#   Source: onnxslim/core/pattern/fusion/convmul.py, rewrite(): squeeze() of the constant, then its length by that of
#   the weights; convadd.py beside it does check the axis. The comparison of outputs, model_check, is off by default.
# Matters: windows and gains for each frequency or position (spectrograms of 64 bands after 64 channels, masks of
#   borders) often are as long as there are channels. The slimmed network has no error and other outputs.
# Instead: slim(model, skip_fusion_patterns=['FusionConvMul']), or with model_check=True, which needs onnxruntime and
#   gives no model here.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'onnxslim==0.1.98' 'onnx==1.23.2' 'sympy==1.14.0' 'numpy==2.4.6'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import numpy as np
import onnx
import onnxslim
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

CHANNELS = 8
random = np.random.default_rng(0)
norm = {'scale': random.uniform(0.5, 2, CHANNELS), 'shift': random.normal(size=CHANNELS),
        'mean': random.normal(size=CHANNELS), 'variance': random.uniform(0.5, 2, CHANNELS)}
weights = random.normal(size=(CHANNELS, 3, 3, 3))


def network(window, columns, batch_norm):
  """A convolution of 3 x 3, maybe a BatchNorm, and a product with the window."""
  arrays = {'weights': weights, 'window': window}
  nodes = [helper.make_node('Conv', ['images', 'weights'], ['maps'], pads=[1, 1, 1, 1])]
  if batch_norm:
    arrays |= norm
    nodes += [helper.make_node('BatchNormalization', ['maps', *norm], ['normed'])]
  nodes += [helper.make_node('Mul', [nodes[-1].output[0], 'window'], ['outputs'])]
  ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, depth, 8, columns])
          for name, depth in (('images', 3), ('outputs', CHANNELS))]
  stored = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()]
  graph = helper.make_graph(nodes, 'network', ends[:1], ends[1:], stored)
  model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9)
  onnx.checker.check_model(model)
  return model


def compare(shape, columns=8, batch_norm=False):
  """Whether slimming keeps the outputs, or gives those of a window of shape (C, 1, 1), and what it leaves."""
  images = {'images': random.normal(size=(1, 3, 8, columns)).astype(np.float32)}
  window = np.hanning(max(shape) + 2)[1:-1]
  given = network(window.reshape(shape), columns, batch_norm)
  before = ReferenceEvaluator(given).run(None, images)[0]
  slimmed = onnxslim.slim(given)
  after = ReferenceEvaluator(slimmed).run(None, images)[0]
  kept, by_channel = np.allclose(before, after, atol=1e-4), False
  if not kept and len(window) == CHANNELS:
    wrong = network(window.reshape(CHANNELS, 1, 1), columns, batch_norm)
    by_channel = np.allclose(ReferenceEvaluator(wrong).run(None, images)[0], after, atol=1e-4)
  left = [node.op_type for node in slimmed.graph.node]
  change = 'outputs kept' if kept else f'off by up to {abs(before - after).max():.1f} of {abs(before).max():.1f}'
  print(f'{columns} columns,', 'BatchNorm,' if batch_norm else 'no BatchNorm,', f'window {shape}:', change,
        'as if by channel' if by_channel else '', left)
  return kept, by_channel, left


right = [compare((8, 1, 1)), compare((8, 1, 1), batch_norm=True), compare((1, 1, 9), columns=9)]
seen = [compare(shape, batch_norm=batch_norm) for batch_norm in (False, True)
        for shape in ((1, 1, 8), (8,), (1, 8, 1))]
if not all(kept for kept, _, _ in right) or right[0][2] != ['Conv'] or right[2][2] != ['Conv', 'Mul']:
  raise SystemExit('changed: not even windows for each channel, or of another length, are treated right')
if any(result != (False, True, ['Conv']) for result in seen):
  raise SystemExit('changed: windows along the rows or columns are not taken for those of channels')
print('as stated: a window along the rows or columns is folded into the weights as one of the channels')
PY

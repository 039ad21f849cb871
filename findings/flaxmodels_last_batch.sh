#!/usr/bin/env bash
# flaxmodels' ResNets keep nine tenths of the last batch as their BatchNorm statistics.
#
# Sworn: ResNet18 to ResNet152, ported from torchvision with its weights, train as there: a batch moves the running
#   mean and variance a tenth of the way to its own, momentum 0.1 in PyTorch's terms and 0.9 in those of Flax.
# Seen: the number 0.1 was taken over and its meaning was not. The layer's own docstring calls momentum the decay of
#   the average, so 0.1 leaves a tenth of all that was learned: after each batch the statistics are 90 % that batch's,
#   after two 99 % those of the two. With weights that stay as they are, the logits of the same images in evaluation
#   change by 79 % at each batch of eight that the network has seen; by torchvision's rule by 12 %.
# Version: flaxmodels 0.1.3 with flax 0.12.8 and jax 0.10.2, 2026-11-30.
#   Source: flaxmodels/resnet/resnet.py, momentum=0.1 at each batch_norm(); flaxmodels/resnet/ops.py, BatchNorm. In
#   issue 15 the maintainer says that the layer does what Flax's does; it is the number that is not Flax's.
# Matters: fine-tuning throws the ImageNet statistics away with the first batch, and evaluation is at the mercy of the
#   last one: with small or sorted batches the accuracy jumps from one evaluation to the next.
# Instead: average the statistics of many batches after training, or copy the module with momentum=0.9.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'flax==0.12.8' 'jax==0.10.2' 'h5py==3.16.0' 'requests==2.34.2' 'packaging==26.4' \
  'filelock==4.3.1' 'regex==2026.11.19' 'tqdm==4.70.1' 'pillow==13.0.0'
"$work/venv/bin/pip" install -q --no-deps 'flaxmodels==0.1.3'
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python -W ignore - <<'PY'
import flaxmodels
import jax
import numpy as np

BATCHES, LAST = 30, 20
random = np.random.default_rng(0)
images = random.uniform(size=(BATCHES, 8, 1, 1, 3)) + 0.2 * random.normal(size=(BATCHES, 8, 32, 32, 3))
images = images.astype(np.float32)
model = flaxmodels.ResNet18(output='logits', pretrained=None, num_classes=10)
state = model.init(jax.random.key(0), images[0])
parameters, stored = state['params'], state['batch_stats']
train = jax.jit(lambda state, batch: model.apply(state, batch, train=True, mutable=['batch_stats'])[1]['batch_stats'])
evaluate = jax.jit(lambda state, batch: model.apply(state, batch, train=False))


def first_layer(batch):
  """Mean over batch and positions of the first convolution, by the definition, in float64."""
  scaled = (batch - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
  padded = np.pad(scaled, ((0, 0), (3, 3), (3, 3), (0, 0)))
  kernel = np.asarray(parameters['Conv_0']['kernel'], np.float64)
  windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(1, 2))[:, ::2, ::2]
  return np.einsum('nhwcij,ijco->o', windows, kernel) / np.prod(windows.shape[:3])


torch_like = stored
by_hand = {0.1: np.zeros(64), 0.9: np.zeros(64)}
logits = {'as stored': [], "by torchvision's rule": []}
for batch in images:
  before, stored = stored, train(state | {'batch_stats': stored}, batch)
  # The statistics of the batch itself do not depend on the stored ones, so they follow from what was stored.
  torch_like = jax.tree.map(lambda old, was, now: 0.9 * old + 0.1 * (now - 0.1 * was) / 0.9, torch_like, before, stored)
  for decay in by_hand:
    by_hand[decay] = decay * by_hand[decay] + (1 - decay) * first_layer(batch)
  logits['as stored'].append(np.asarray(evaluate(state | {'batch_stats': stored}, images[0])))
  logits["by torchvision's rule"].append(np.asarray(evaluate(state | {'batch_stats': torch_like}, images[0])))
errors = {}
for name, tree in (('as stored', stored), ("by torchvision's rule", torch_like)):
  for decay, mean in by_hand.items():
    errors[name, decay] = np.abs(tree['BatchNorm_0']['mean'] - mean).max() / np.abs(mean).max()
    print(f'{name}: first running mean, largest error as an average of decay {decay}: {errors[name, decay]:.5f}')
change = {}
for name, values in logits.items():
  values = np.array(values[-LAST:])
  change[name] = np.linalg.norm(np.diff(values, axis=0)) / np.linalg.norm(values[1:])
  print(f'{name}: same images, weights unchanged, from batch to batch: logits change by {change[name]:.0%}')
if errors["by torchvision's rule", 0.9] > 1e-3 or change["by torchvision's rule"] > 0.2:
  raise SystemExit("changed: torchvision's rule is not an average with decay 0.9, or it does not help")
if errors['as stored', 0.1] > 1e-3 or errors['as stored', 0.9] < 0.1 or change['as stored'] < 0.5:
  raise SystemExit('changed: the statistics are not 90 % the last batch')
print('as stated: the statistics are 90 % those of the last batch')
PY

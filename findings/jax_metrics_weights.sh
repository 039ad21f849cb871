#!/usr/bin/env bash
# The Mean of jax-metrics rounds each batch's sum of weights down, and its Accuracy ignores ignore_index and "weighted".
#
# Sworn: metrics.Mean with sample_weight is the weighted mean. Accuracy(ignore_index=0) leaves class 0 out of the score;
#   average='weighted' weighs classes by their support, and average='none' gives one accuracy for each class. All this
#   is in the docstrings.
# Seen: the weights are counted in an unsigned integer. For values 2, 4, 6, 8 with weights 0.6, 0.3, 0.8, 0.7 the mean
#   is 6.4 (12.8 / 2), not 5.33, in batches of 2 it is 12.8, one by one infinite; MeanSquareError and MeanAbsoluteError
#   do the same. ignore_index is checked, stored and not used; 'weighted' and 'none' give the macro average.
# Version: jax-metrics 0.2.5 with jax 0.10.2, optax 0.2.8, simple-pytree 0.2.2 and einops 0.8.2, 2026-12-01.
#   Source: jax_metrics/metrics/reduce.py, Reduce.update(); metrics/accuracy.py, Accuracy.__init__() and update().
# Matters: with importance or class weights below 1 errors are too large, and the more so the smaller the batch: one
#   network has several errors. Padding or background that is to be left out makes up the score.
# Instead: weights that are whole numbers, or the sums oneself; for accuracy, hand over only the examples that count.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'jax-metrics==0.2.5' 'jax[cpu]==0.10.2' 'optax==0.2.8' 'simple-pytree==0.2.2' \
  'einops==0.8.2' 'numpy==2.4.6'
"$work/venv/bin/python" -W ignore - <<'PY'
import jax.numpy as jnp
import numpy as np
from jax_metrics.metrics import Accuracy, Mean, MeanSquareError

values, weights = np.array([2.0, 4, 6, 8]), np.array([0.6, 0.3, 0.8, 0.7])


def mean(batch):
  """Returns the weighted mean of the values in batches of a size."""
  metric = Mean()
  for start in range(0, len(values), batch):
    part = slice(start, start + batch)
    metric = metric.update(values=jnp.array(values[part]), sample_weight=jnp.array(weights[part]))
  return float(metric.compute())


right = np.average(values, weights=weights)
means = [mean(batch) for batch in (4, 2, 1)]
error = MeanSquareError().update(preds=jnp.array(values), target=jnp.zeros(4), sample_weight=jnp.array(weights))
plain = float(Mean().update(values=jnp.array(values)).compute())
print(f'weighted mean: NumPy {right:.3f}; in batches of 4, 2 and 1:', *(f'{value:.3f}' for value in means))
print(f'weighted mean square error: NumPy {np.average(values ** 2, weights=weights):.3f},'
      f' jax-metrics {float(error.compute()):.3f}; mean without weights: {plain}')

# 80 of class 0, all right; 15 of class 1, 6 right; 5 of class 2, 1 right.
target = np.repeat([0, 1, 2], [80, 15, 5])
label = target.copy()
label[86:] = 0
label[99] = 2
by_class = [float((label == target)[target == index].mean()) for index in range(3)]
settings = {'micro': {}, 'macro': {'average': 'macro'}, 'weighted': {'average': 'weighted'},
            'none': {'average': 'none'}, 'ignore_index=0': {'ignore_index': 0},
            'macro, ignore_index=0': {'average': 'macro', 'ignore_index': 0}}
expected = {'micro': (label == target).mean(), 'macro': np.mean(by_class), 'weighted': (label == target).mean(),
            'none': by_class, 'ignore_index=0': (label == target)[target != 0].mean(),
            'macro, ignore_index=0': np.mean(by_class[1:])}
got = {}
for name, options in settings.items():
  metric = Accuracy(num_classes=3, **options).update(preds=jnp.eye(3)[label], target=jnp.array(target))
  got[name] = np.asarray(metric.compute(), float)
  print(f'accuracy {name}: should be {np.round(expected[name], 3)}, is {got[name].round(3)}')
if abs(plain - 5) > 1e-6 or any(abs(got[name] - expected[name]) > 1e-6 for name in ('micro', 'macro')):
  raise SystemExit('changed: a mean without weights, or micro or macro accuracy, is not right')
if abs(means[0] - 6.4) > 1e-5 or means[2] != np.inf:
  raise SystemExit('changed: the sum of weights is not rounded down')
if any(got[name].shape or abs(got[name] - got['macro']) > 1e-6
       for name in ('weighted', 'none', 'macro, ignore_index=0')):
  raise SystemExit('changed: weighted, none or ignore_index differs from the macro average')
if abs(got['ignore_index=0'] - got['micro']) > 1e-6:
  raise SystemExit('changed: ignore_index is heeded')
print('as stated: weights are rounded down, and ignore_index, weighted and none are not heeded')
PY

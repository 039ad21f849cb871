#!/usr/bin/env bash
# Keras averages the weights at every micro-step of gradient accumulation, so ema_momentum means another average.
#
# Sworn: an optimizer with gradient_accumulation_steps=4 on batches of 8 gives what it gives on batches of 32. The
#   docstring says that model and optimizer variables are updated every so many steps, and the frequency of the average
#   goes by accumulated iterations. Without use_ema, and with weight decay and clipping, that is so.
# Seen: with use_ema the average takes in the weights at each micro-step, changed or not. The momentum acts about as
#   its 4th power: 0.9 as 0.656. With ema_overwrite_frequency the weights are replaced by the average at each of the
#   four micro-steps of the update it is meant for, so three times before it. fit() ends by putting the average in
#   place of the weights: those of the two runs, which should be equal, differ. Nothing is said.
# Version: keras 3.15.1 with jax 0.10.2, 2026-11-30. Source: keras/src/backend/jax/optimizer.py,
#   JaxOptimizer._backend_apply_gradients(). The other backends were not run; optimizers/base_optimizer.py reads alike.
# Matters: whoever halves the batch to fit the memory, and accumulates to make up for it, halves the length of the
#   average as well, without having touched it.
# Instead: ema_momentum ** (1 / steps) comes close; it lags by less than an update.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'keras==3.15.1' 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6'
KERAS_HOME="$work" KERAS_BACKEND=jax JAX_PLATFORMS=cpu "$work/venv/bin/python" -W ignore - <<'PY'
import keras
import numpy as np

UPDATES, STEPS = 20, 4
random = np.random.RandomState(0)
inputs = random.normal(size=(UPDATES * 32, 4)).astype(np.float32)
targets = inputs @ np.array([[1.0], [2], [3], [4]], np.float32)


def fit(accumulate, **options):
  """Trains on batches of 32, or on four of 8 for each update, and returns the weights after fit()."""
  model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False, kernel_initializer='zeros')])
  steps = dict(gradient_accumulation_steps=STEPS) if accumulate else {}
  model.compile(keras.optimizers.SGD(0.05, **options, **steps), 'mse')
  model.fit(inputs, targets, batch_size=8 if accumulate else 32, epochs=1, shuffle=False, verbose=0)
  return model.get_weights()[0].ravel()


def rounded(weights):
  return [round(float(weight), 3) for weight in weights]


seen = {}
for name, options in {
  'no average': {},
  'no average, weight decay and clipping': dict(weight_decay=0.1, clipnorm=1.0),
  'average': dict(use_ema=True, ema_momentum=0.9),
  'average, put in place every 5th update': dict(use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=5),
}.items():
  whole, parts = fit(False, **options), fit(True, **options)
  seen[name] = float(np.abs(whole - parts).max())
  print(f'{name}: {rounded(whole)} and {rounded(parts)}, apart by {seen[name]:.6f}')
power = fit(False, use_ema=True, ema_momentum=0.9**STEPS)
root = fit(True, use_ema=True, ema_momentum=0.9 ** (1 / STEPS))
print('batches of 32 with momentum 0.9 ** 4:', rounded(power))
print('four of 8 with momentum 0.9 ** (1 / 4):', rounded(root))
if seen['no average'] > 1e-4 or seen['no average, weight decay and clipping'] > 1e-4:
  raise SystemExit('changed: accumulation differs without an average too')
if seen['average'] < 0.05 or seen['average, put in place every 5th update'] < 0.05:
  raise SystemExit('changed: the average is that of the updates')
if np.abs(power - fit(True, use_ema=True, ema_momentum=0.9)).max() > seen['average'] / 5:
  raise SystemExit('changed: the average is another one, but not that of the micro-steps')
print('as stated: the same updates, another average')
PY

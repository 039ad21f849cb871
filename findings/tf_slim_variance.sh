#!/usr/bin/env bash
# TF-Slim's batch_norm stores the unbiased variance, or the biased one, by the rank of its input.
#
# Sworn: the stored variance does not depend on how the same values lie: [12, 1] and [4, 3, 1] are the same twelve
#   values of one feature, and the same default call.
# Seen: of twelve values of variance 4, ranks 2, 4 and 5 store 4.364, times 12 / 11 as in algorithm 2 of the paper; rank 3,
#   [batch, time, features], stores 4. fused=False stores 4 for all. y is the same.
# Version: tf-slim 1.1.0 with tensorflow-cpu 2.12.1, Python 3.11, Linux x86-64, 2026-11-29. PYTHON names another.
# Source: tf_slim/layers/layers.py, batch_norm takes its own fused kernel for rank 2, else the layer of Keras, which is
#   fused for ranks 4 and 5; only the fused kernel divides by m - 1. The docstring calls `fused` faster, no more.
# Matters: a network over sequences stores another variance than one over images, by m / (m - 1): 0.1 % at
#   m = 1,000, 14 % at m = 8. Who reshapes [N, T, C] to [N T, C] before a norm changes its inference.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'tensorflow-cpu==2.12.1' 'tf-slim==1.1.0' 'numpy==1.23.5'
TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import tensorflow.compat.v1 as tf
import tf_slim as slim

tf.disable_eager_execution()
tf.logging.set_verbosity(tf.logging.ERROR)
values = np.tile([-2.0, 2.0], 6)
shapes = [(12, 1), (4, 3, 1), (2, 2, 3, 1), (2, 1, 2, 3, 1)]


def run(shape, **options):
  with tf.Graph().as_default(), tf.Session() as session:
    x = tf.placeholder(tf.float32, shape)
    y = slim.batch_norm(x, is_training=True, decay=0.0, scope='bn', **options)
    session.run(tf.global_variables_initializer())
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    y, _ = session.run([y, updates], {x: values.reshape(shape)})
    (variance,) = (v for v in tf.global_variables() if 'moving_variance' in v.name)
    return y.ravel(), session.run(variance).item()


print('variance:', values.var(), 'times 12 / 11:', values.var() * 12 / 11)
stored, separate, outputs = {}, {}, []
for shape in shapes:
  y, stored[len(shape)] = run(shape)
  separate[len(shape)] = run(shape, fused=False)[1]
  outputs.append(y)
  print(f'{shape}: stored {stored[len(shape)]:.4f}, with fused=False {separate[len(shape)]:.4f}')
apart = np.abs(np.array(outputs) - outputs[0]).max()
print('largest difference of y:', apart)
unbiased = [abs(stored[rank] - 48 / 11) < 1e-4 for rank in (2, 4, 5)]
biased = [abs(value - 4) < 1e-4 for value in (stored[3], *separate.values())]
if not all(unbiased + biased) or apart > 1e-5:
  raise SystemExit('changed: the stored variance no longer depends on the rank as stated')
print('as stated: rank 3 stores the biased variance, ranks 2, 4 and 5 the unbiased one')
PY

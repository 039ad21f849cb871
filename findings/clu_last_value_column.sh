#!/usr/bin/env bash
# LastValue of clu gives B times the mean for a column of B losses, where Average of the same package gives the mean.
#
# Sworn: metrics.LastValue, which "keeps the last average global batch value", gives for one batch what
#   metrics.Average gives: the mean of the values that the mask leaves.
# Seen: values of shape (8, 1), such as the losses of a network with one output, meet a mask of shape (8,) and spread
#   to 8 x 8: for losses 1 to 8 the metric is 36, not 4.5. A batch of 8 sequences of 8 losses gives 8 times the mean,
#   too; 8 sequences of 5 raise an error. With a mask of the first 5 examples it is 36 again, for 3. Nothing is said.
# Version: clu 0.0.12 with jax 0.10.2, flax 0.12.8 and numpy 2.4.6, 2026-12-01.
#   Source: clu/metrics.py, LastValue.from_model_output(); Average widens the mask by _broadcast_masks() first.
# Matters: LastValue is "useful to log values such as learning rate and losses during training". The loss in the log is
#   as many times too large as the batch has examples: a smaller batch looks like progress.
# Instead: metrics.Average, or LastValue.from_fun() with a function that takes the mean.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'clu==0.0.12' 'jax[cpu]==0.10.2' 'flax==0.12.8' 'numpy==2.4.6'
"$work/venv/bin/python" -W ignore - <<'PY'
import flax
import jax.numpy as jnp
import numpy as np
from clu import metrics


@flax.struct.dataclass
class Losses(metrics.Collection):
  last: metrics.LastValue.from_output('loss')
  average: metrics.Average.from_output('loss')


def both(losses, mask=None):
  """Returns the metrics of one batch, and the mean by NumPy."""
  result = Losses.single_from_model_output(loss=jnp.array(losses, jnp.float32), mask=mask).compute()
  chosen = losses if mask is None else losses[np.asarray(mask)]
  return float(result['last']), float(result['average']), float(chosen.mean())


rows = {}
for name, losses in (('(8,)', np.arange(1.0, 9)), ('(8, 1)', np.arange(1.0, 9)[:, None]),
                     ('(3, 1)', np.arange(1.0, 4)[:, None]), ('(8, 8)', np.arange(64.0).reshape(8, 8))):
  rows[name] = both(losses)
  print('losses of shape {}: LastValue {:.4g}, Average {:.4g}, mean {:.4g}'.format(name, *rows[name]))
mask = jnp.array([True] * 5 + [False] * 3)
rows['mask'] = both(np.arange(1.0, 9)[:, None], mask)
print('losses of shape (8, 1), only the first 5: LastValue {:.4g}, Average {:.4g}, mean {:.4g}'.format(*rows['mask']))
if abs(rows['(8,)'][0] - 4.5) > 1e-6 or any(abs(average - mean) > 1e-5 for _, average, mean in rows.values()):
  raise SystemExit('changed: LastValue of a vector or Average is not the mean')
factors = {name: last / mean for name, (last, _, mean) in rows.items()}
if any(abs(factors[name] - factor) > 1e-5 for name, factor in (('(8, 1)', 8), ('(3, 1)', 3), ('(8, 8)', 8))):
  raise SystemExit('changed: LastValue of a column is not the mean times the size of the batch')
print('as stated: LastValue of a column of B losses is B times their mean')
PY

#!/usr/bin/env bash
# The hinge loss of permetrics counts a rival with score 0 that is not there.
#
# Sworn: for scores of several classes the loss is that of Crammer and Singer, as scikit-learn's: the greatest score of
#   a wrong class minus that of the right one, plus 1, and not below 0. It does not change if all scores of an example
#   are moved by the same number.
# Seen: the right class is taken out by multiplying its score with 0, and the 0 stays in the maximum. Where all wrong
#   classes have negative scores, such as log-probabilities and most outputs of one-against-the-rest machines, the rival
#   is 0. A network that is right and sure in every example (log-probability -0.001, all others -9) has a loss of 1.001
#   where its logits have 0. Of log-probabilities of ten classes, 37 % right, the loss is 2.85, the same as if the wrong
#   classes were not there; of the logits it is 1.49, which is right for both.
# Version: permetrics 2.1.0 with numpy 2.4.6 and scikit-learn 1.9.1, 2026-11-30.
#   Source: permetrics/classification.py, hinge_loss(): np.max((1.0 - y_true_oh) * y_pred, axis=1).
# Matters: losses of networks that differ by an offset cannot be compared, and a perfect one has none of 0.
# Instead: sklearn.metrics.hinge_loss().
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'permetrics==2.1.0' 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import numpy as np
from permetrics import ClassificationMetric
from scipy.special import log_softmax
from sklearn.metrics import hinge_loss

EXAMPLES, CLASSES = 1000, 10
random = np.random.default_rng(0)


def losses(true, scores):
  """By permetrics, by the definition, which must be what scikit-learn gives, and with 0 for the wrong classes."""
  rows = np.arange(len(true))
  rest = scores.copy()
  rest[rows, true] = -np.inf
  defined = np.maximum(0, 1 + rest.max(axis=1) - scores[rows, true]).mean()
  assert np.isclose(defined, hinge_loss(true, scores))
  return ClassificationMetric().hinge_loss(true, scores), defined, np.maximum(0, 1 - scores[rows, true]).mean()


true = random.integers(0, CLASSES, EXAMPLES)
sure = 9 * np.eye(CLASSES)[true]
logits = random.normal(size=(EXAMPLES, CLASSES)) + np.eye(CLASSES)[true]
results = {}
for name, scores in (('right and sure, log-probabilities', log_softmax(sure, axis=1)), ('right and sure, logits', sure),
                     ('log-probabilities', log_softmax(logits, axis=1)), ('logits', logits)):
  results[name] = losses(true, scores)
  accuracy = (scores.argmax(axis=1) == true).mean()
  print('{}, accuracy {:.0%}: permetrics {:.4f}, by the definition {:.4f}, with 0 for the wrong classes {:.4f}'.format(
    name, accuracy, *results[name]))
by_permetrics, defined, zero = np.array(list(results.values())).T
if not np.allclose(by_permetrics[1::2], defined[1::2], atol=1e-3) or not np.allclose(defined[::2], defined[1::2]):
  raise SystemExit('changed: the losses of logits are not right, or not those of log-probabilities')
if not np.allclose(by_permetrics[::2], zero[::2]) or min(by_permetrics[::2] - defined[::2]) < 1:
  raise SystemExit('changed: the wrong classes count')
print('as stated: a score of 0 stands in for negative ones')
PY

#!/usr/bin/env bash
# learning-curves recommends the smallest training set where the curve does not reach its goal in the range searched.
#
# Sworn: threshold() gives the size of the training set at which the fitted curve reaches 99 % of its saturation; where
#   it does not up to the largest size tried, it says so, or gives that largest size.
# Seen: of sizes 100 to 10,000 and accuracies 0.95 - 1.2 / size ** 0.35 it gives 1,009,640 examples: right. With
#   an exponent of 0.3 it would take 10.1 million, more than the 10 million that it searches, and the answer is 100
#   examples, the first size measured, with the accuracy there, 0.65. So it is for 0.25 and 0.2, and for the predictor
#   "inv_log", which needs e ** 168 examples. Nothing is said.
# Version: learning-curves 0.2.2 with numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, matplotlib 3.11.2 and dill 0.4.1,
#   2026-11-30. Its requirement "sklearn" is no package any more; hence --no-deps.
#   Source: learning_curves/learning_curves.py, threshold_cust(): argmax(y >= goal), which is 0 if none is.
# Matters: exponents of 0.1 to 0.35 are usual for networks. The flatter the curve, the more data it takes, and here the
#   answer jumps from millions to the smallest set; plot(saturation=...) draws its lines there.
# Instead: compare the third number, the accuracy, with 0.99 times the first; or a larger max_scaling.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1' 'matplotlib==3.11.2' 'dill==0.4.1'
"$work/venv/bin/pip" install -q --no-deps 'learning-curves==0.2.2'
cd "$work"
MPLBACKEND=agg venv/bin/python -W ignore - <<'PY'
import warnings

import numpy as np
from learning_curves.learning_curves import LearningCurve

SIZES = np.array([100, 200, 500, 1000, 2000, 5000, 10_000])
SATURATION, SLOPE, SHARE = 0.95, 1.2, 0.99


def accuracies(exponent):
  return SATURATION - SLOPE / SIZES**exponent


def needed(exponent):
  """The size at which the true curve reaches its goal."""
  return (SLOPE / (SATURATION * (1 - SHARE))) ** (1 / exponent)


def recommend(exponent, **options):
  """What the best fit has for an answer: its saturation, the size, and the accuracy of this size."""
  curve = LearningCurve()
  fit = curve.best_predictor_cust(curve.predictors, SIZES, accuracies(exponent))
  with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter('always')
    answer = [float(number) for number in curve.threshold_cust(fit, SIZES, **options)]
  print(f'exponent {exponent}, fit {fit.name}, R2 {fit.score:.6f}: saturation {answer[0]:.4f}, size {answer[1]:,.0f}',
        f'of accuracy {answer[2]:.4f}; it takes {needed(exponent):,.0f}', *options.items())
  return *answer, len(said)


steep = {exponent: recommend(exponent) for exponent in (0.5, 0.4, 0.35)}
flat = {exponent: recommend(exponent) for exponent in (0.3, 0.25, 0.2)}
wider = recommend(0.3, max_scaling=4)
curve = LearningCurve()
slow = curve.fit(curve.get_predictor('inv_log'), SIZES, 0.95 - 1.6 / np.log(SIZES))
slow_answer = curve.threshold_cust(slow, SIZES)
print('inv_log:', *(float(number) for number in slow_answer))
right = [abs(size / needed(exponent) - 1) for exponent, (_, size, _, _) in steep.items()]
if max(right) > 0.01 or abs(wider[1] / needed(0.3) - 1) > 0.01:
  raise SystemExit('changed: not even steep curves, or a larger range, give the size that it takes')
if any(abs(saturation - SATURATION) > 0.001 for saturation, _, _, _ in flat.values()):
  raise SystemExit('changed: the saturation of flat curves is another')
if any((size, said) != (SIZES[0], 0) for _, size, _, said in flat.values()) or slow_answer[1] != SIZES[0]:
  raise SystemExit('changed: flat curves do not give the first size')
print('as stated: where the goal is not reached in the range, the answer is the smallest training set')
PY

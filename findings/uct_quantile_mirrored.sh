#!/usr/bin/env bash
# Uncertainty Toolbox counts the values above the mirrored quantile, and its recalibration of quantiles doubles a bias.
#
# Sworn: get_proportion_under_quantile() is "the proportion of data that are below the predicted quantile", and a
#   recalibrator fitted to such proportions brings 10, 50 and 90 % of the data below its 10, 50 and 90 % quantiles.
# Seen: the residual is prediction minus truth, and what is counted is residual / std <= z: the values above
#   mean - z std, not those below mean + z std. For predictions that are 1 standard deviation too low, 17 % of the data
#   are below the predicted median; the answer is 83 %. So get_quantile_recalibrator() moves quantiles the wrong way:
#   on the data that it was fitted to, the "recalibrated" median has 2 % below it, and the 90 % quantile 24 % (before:
#   17 and 61 %). Fitted to the mirrored data (-y, -mean) the same function is right, within 1 %.
# Version: uncertainty-toolbox 0.1.1 with numpy 2.4.6, scipy 1.17.1 and scikit-learn 1.9.1, 2026-11-30.
#   Source: uncertainty_toolbox/metrics_calibration.py, get_proportion_under_quantile(), get_proportion_lists() and
#   get_proportion_lists_vectorized() with prop_type='quantile'. Intervals are symmetric and do not show it; so are the
#   mean absolute calibration error of symmetric data and that of an exact model.
# Matters: a model that predicts too low is reported, and plotted, as one that predicts too high; recalibrating it, the
#   remedy that the library offers, makes it worse than doing nothing.
# Instead: pass -y_pred and -y_true to the functions that measure proportions, or count y_true <= get_quantile(...).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'uncertainty-toolbox==0.1.1' 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1' \
  'matplotlib==3.11.2'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import numpy as np
import uncertainty_toolbox as uct
from scipy.stats import norm
from uncertainty_toolbox.metrics_calibration import get_proportion_under_quantile, get_quantile
from uncertainty_toolbox.recalibration import get_quantile_recalibrator

LEVELS = np.array([0.1, 0.5, 0.9])
random = np.random.default_rng(0)
truth = random.normal(size=4000)
std = np.ones_like(truth)


def below(quantile):
  return np.mean(truth <= quantile)


def measured(mean):
  """Shares below three quantiles: by the toolbox (two ways), by counting, and after its recalibration (two ways)."""
  by_toolbox = [get_proportion_under_quantile(mean, std, truth, level) for level in LEVELS]
  expected, observed = uct.get_proportion_lists_vectorized(mean, std, truth, num_bins=101, prop_type='quantile')
  in_list = [observed[np.argmin(abs(expected - level))] for level in LEVELS]
  counted = []
  for level in LEVELS:
    quantile = mean + norm.ppf(level) * std
    assert np.allclose(quantile, get_quantile(mean, std, float(level)))
    counted.append(below(quantile))
  recalibrated = get_quantile_recalibrator(mean, std, truth)
  mirrored = get_quantile_recalibrator(-mean, std, -truth)
  after = [[below(recalibrator(mean, std, float(level))) for level in LEVELS]
           for recalibrator in (recalibrated, mirrored)]
  return np.array([by_toolbox, in_list, counted, *after])


results = {}
for shift, name in ((-1.0, 'too low by 1'), (0.0, 'right'), (1.0, 'too high by 1')):
  results[name] = measured(np.full_like(truth, shift))
  labels = 'by the toolbox', 'in its list', 'counted', 'recalibrated', 'recalibrated to mirrored data'
  print(f'predictions {name}: shares below the 10, 50 and 90 % quantiles')
  for label, shares in zip(labels, results[name], strict=True):
    print(f'  {label:30}', ' '.join(f'{share:6.1%}' for share in shares))
if any(abs(result[0] - result[1]).max() > 0.02 for result in results.values()):
  raise SystemExit('changed: list and single proportions differ')
if any(abs(result[0] - (1 - result[2][::-1])).max() > 1e-3 for result in results.values()):
  raise SystemExit('changed: the proportions are not mirrored')
if abs(results['right'][3:] - LEVELS).max() > 0.03 or any(
    abs(result[4] - LEVELS).max() > 0.03 for result in results.values()):
  raise SystemExit('changed: recalibration to the mirrored data is not right')
for name in ('too low by 1', 'too high by 1'):
  if abs(results[name][2][1] - 0.5) < 0.3 or abs(results[name][3][1] - 0.5) < 0.45:
    raise SystemExit('changed: recalibration does not make the median worse')
print('as stated: the recalibrated median is worse than the one before')
PY

#!/usr/bin/env bash
# rliable takes a random_state for its intervals and does not use it.
#
# Sworn: get_interval_estimates(..., random_state=RandomState(0)) gives the same interval each time, as the docstring
#   says ("ensures reproducibility") and as the class of arch that it builds on does.
# Seen: three calls with the same random_state give three intervals. The resamples are drawn from NumPy's global
#   generator: under np.random.seed(0) the states 0, 1 and 2 give one and the same interval. It is so for the
#   aggregates of one algorithm and for the probability of improvement of two; nothing is said. reset() of a
#   bootstrap does not bring back its resamples either.
# Version: rliable 1.2.0 with arch 7.2.0 and pandas 2.3.3 (arch 7.2.0 does not import with pandas 3), 2026-11-29.
# Source: rliable/library.py, update_indices() and _get_indices(), which call np.random.choice.
# Matters: an interval published with its seed cannot be had again, and whatever else draws from the global generator,
#   such as a data pipeline, changes with the number of intervals computed before it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'rliable==1.2.0' 'arch==7.2.0' 'pandas==2.3.3' 'numpy==2.4.6' 'scipy==1.17.1'
MPLCONFIGDIR="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
from arch.bootstrap import IIDBootstrap
from numpy.random import RandomState
from rliable import library, metrics

first, second = RandomState(1).rand(5, 4), RandomState(2).rand(5, 4)  # runs by tasks


def iqm(scores):
  return np.array([metrics.aggregate_iqm(scores)])


def aggregate(seed):
  options = dict(reps=200, random_state=RandomState(seed))
  return library.get_interval_estimates({'a': first}, iqm, **options)[1]['a'].round(4).ravel().tolist()


def improvement(seed):
  options = dict(reps=200, random_state=RandomState(seed))
  scores = {'a,b': (first, second)}
  intervals = library.get_interval_estimates(scores, metrics.probability_of_improvement, **options)[1]
  return intervals['a,b'].round(4).ravel().tolist()


def arch(seed):
  bootstrap = IIDBootstrap(first, random_state=RandomState(seed))
  return bootstrap.conf_int(iqm, reps=200, method='percentile').round(4).ravel().tolist()


def globally_seeded(interval, seed):
  np.random.seed(0)
  return interval(seed)


def resamples(bootstrap):
  return [float(data[0][0].mean().round(4)) for data in bootstrap.bootstrap(3)]


def different(intervals):
  return len({tuple(interval) for interval in intervals})


calls = {
  'arch, random_state 0 each time': [arch(0) for _ in range(3)],
  'aggregate, random_state 0 each time': [aggregate(0) for _ in range(3)],
  'improvement, random_state 0 each time': [improvement(0) for _ in range(3)],
  'aggregate, random_state 0 to 2 after np.random.seed(0)': [globally_seeded(aggregate, s) for s in range(3)],
  'improvement, random_state 0 to 2 after np.random.seed(0)': [globally_seeded(improvement, s) for s in range(3)],
}
for name, intervals in calls.items():
  print(f'{name}: {different(intervals)} of 3 different {intervals}')
bootstrap = library.StratifiedBootstrap(first, random_state=RandomState(0))
before = resamples(bootstrap)
bootstrap.reset()
after = resamples(bootstrap)
print('means of three resamples and of three after reset():', before, after)
counts = [different(intervals) for intervals in calls.values()]
if counts[0] != 1:
  raise SystemExit('changed: not even arch keeps to its random_state')
if counts[1] < 2 or counts[2] < 2 or counts[3:] != [1, 1] or before == after:
  raise SystemExit('changed: random_state now does something')
print('as stated: the seed that was given seeds nothing')
PY

#!/usr/bin/env bash
# tensorboard-reducer leaves a run that has diverged out of the mean over runs, and gives another std than it says.
#
# Sworn: the reductions are NumPy's, as docstring and help say ("Names of numpy reduce ops", arr.mean(-1),
#   arr.std(-1)). So the mean of four runs of which one has a loss of NaN is NaN, and std divides by the number of runs.
# Seen: they are those of pandas, which skip NaN: from the step at which a run diverges on, mean, std, min and max are
#   those of the other runs. The curve goes on, and falls where the bad run falls out. std divides by one run less:
#   with two runs, 0.2 for NumPy's 0.1414. strict_steps, on by default, catches runs of unequal length; these have all
#   their steps. Nothing is said.
# Version: tensorboard-reducer 0.4.0 with pandas 3.1.1 and tensorboard 2.21.0, 2026-11-30.
#   Source: tensorboard_reducer/reduce.py, reduce_events().
# Matters: a method that diverges with one seed of four looks as good as its three best seeds.
# Instead: count the values that are not NaN at each step before the reduction, and reduce with NumPy.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'tensorboard-reducer==0.4.0' 'tensorboard==2.21.0' 'tensorboardX==2.6.5' \
  'pandas==3.1.1' 'numpy==2.4.6'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import math

import numpy as np
import tensorboard_reducer as reducer
from tensorboardX import SummaryWriter

NAN = float('nan')


def reduced(folder, runs, operations):
  """Writes runs as event files, reads and reduces them."""
  for number, losses in enumerate(runs):
    with SummaryWriter(f'{folder}/run{number}') as writer:
      for step, loss in enumerate(losses):
        writer.add_scalar('loss', loss, step)
  events = reducer.load_tb_events([f'{folder}/run{number}' for number in range(len(runs))])
  reductions = reducer.reduce_events(events, operations)
  return {name: [round(float(value), 4) for value in reductions[name]['loss']] for name in operations}


operations = ['mean', 'std', 'max']
runs = [[3, 2, 1, 0.5], [3, 2, 1, 0.5], [3, 2, 1, 0.5], [3, 50, NAN, NAN]]
seen, true = reduced('four', runs, operations), np.array(runs)
print('losses of four runs:', runs)
for operation in operations:
  print(f'{operation}: {seen[operation]}, by NumPy {getattr(true, operation)(0).round(4).tolist()}')
pair = reduced('two', [[1.0, 2.0], [1.2828427, 2.0]], ['std'])['std']
print('std of two runs 1 and 1.2828427:', pair[0], 'by NumPy', round(float(np.std([1, 1.2828427])), 4))
if seen['mean'][:2] != [3, 14] or seen['max'][:2] != [3, 50]:
  raise SystemExit('changed: the means of finite losses are not right')
if any(map(math.isnan, seen['mean'] + seen['max'])) or seen['mean'][2:] != [1, 0.5]:
  raise SystemExit('changed: a run of NaN counts')
if pair[0] != 0.2:
  raise SystemExit('changed: std is that of NumPy')
print('as stated: 3, 14, and then 1 and 0.5 as if nothing had happened')
PY

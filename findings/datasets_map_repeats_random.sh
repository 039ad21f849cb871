#!/usr/bin/env bash
# datasets.Dataset.map with num_proc draws the same random numbers in every process.
#
# Sworn: num_proc makes a map faster and changes nothing else; noise, random crops or random splits drawn in the
#   function are as different from row to row as without it.
# Seen: each process starts from a copy of the same generators, so with four processes the numbers of the first
#   quarter of the rows come four times over, from NumPy's global generator and from a generator of one's own.
#   Nothing is said. Python's `random` is right, since Python seeds it anew in each forked process; so is a
#   generator made of the row's index (with_indices=True).
# Version: datasets 5.2.0 on Linux with Python 3.11, 2026-11-29. Source: datasets/arrow_dataset.py, Dataset.map(), which
#   hands shards to a pool of forked processes; the docstring says nothing of random numbers.
# Matters: a prepared set has a quarter of the noise that it seems to have; a random split by row repeats its pattern,
#   and with another num_proc it is another split.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'datasets==5.2.0' 'numpy==2.4.6'
cat > "$work/run.py" <<'PY'
import random

import datasets
import numpy as np

OWN = np.random.default_rng(0)


def draw(row, index):
  return {
    'np.random': float(np.random.rand()),
    'own generator': float(OWN.random()),
    'random': random.random(),
    'made of the index': float(np.random.default_rng([0, index]).random()),
  }


if __name__ == '__main__':
  datasets.disable_progress_bars()
  rows = datasets.Dataset.from_dict({'x': list(range(200))})
  different = {}
  for processes in (1, 2, 4):
    data = rows.map(draw, with_indices=True, num_proc=processes, load_from_cache_file=False)
    names = [name for name in data.column_names if name != 'x']
    different[processes] = [len(set(data[name])) for name in names]
    print(f'num_proc {processes}, different numbers in 200 rows:', dict(zip(names, different[processes], strict=True)))
    if processes == 4:
      starts = [np.round(data['np.random'][i : i + 3], 3).tolist() for i in range(0, 200, 50)]
      print('np.random, first three rows of each quarter:', starts)
  if different[1] != [200] * 4 or any(counts[2:] != [200, 200] for counts in different.values()):
    raise SystemExit('changed: numbers repeat even where they should not')
  if different[2][:2] != [100] * 2 or different[4][:2] != [50] * 2:
    raise SystemExit('changed: processes no longer draw the same numbers')
  print('as stated: n processes, an n-th of the random numbers')
PY
HF_HOME="$work/cache" HF_HUB_OFFLINE=1 "$work/venv/bin/python" -W ignore "$work/run.py"

#!/usr/bin/env bash
# flax EarlyStopping keeps a NaN of the first evaluation as its best metric for good.
#
# Sworn: a NaN is no improvement, or at least the next finite metric is one.
# Seen: the first metric always replaces the initial infinity; with NaN as the best every later difference is NaN and
#   compares false. The run is stopped when patience is spent, though its loss falls at every evaluation; the same
#   NaN one evaluation later is passed over. has_improved is True for the NaN and for nothing after it, so a script
#   that saves on improvement keeps the weights of the NaN alone.
# Version: flax 0.12.8 with jax 0.10.2, 2026-11-28. Source: flax/training/early_stopping.py, update(). The docstring
#   speaks of minimum improvement and patience, not of NaN.
# Matters: a first evaluation before the running statistics have settled, or in half precision, may well be NaN.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'flax==0.12.8' 'jax==0.10.2' 'jaxlib==0.10.2'
JAX_PLATFORMS=cpu "$work/venv/bin/python" - <<'PY'
from flax.training.early_stopping import EarlyStopping

NAN = float('nan')


def follow(losses):
  stopping, improved = EarlyStopping(min_delta=0, patience=3), []
  for loss in losses:
    stopping = stopping.update(loss)
    improved.append(stopping.has_improved)
    if stopping.should_stop:
      break
  return improved, stopping.should_stop, stopping.best_metric


falling = [4.0, 3.0, 2.0, 1.0, 0.5, 0.2]
first, second = follow([NAN, *falling]), follow([falling[0], NAN, *falling[1:]])
print('NaN first: improved', first[0], 'stopped', first[1], 'best', first[2])
print('NaN second: improved', second[0], 'stopped', second[1], 'best', second[2])
stuck = first[0] == [True] + [False] * 4 and first[1] and first[2] != first[2]
if not stuck or second[1] or second[2] != 0.2:
  raise SystemExit('changed: a NaN first no longer stays the best metric')
print('as stated: a falling loss is stopped for not improving on NaN')
PY

"""Section 4.2: normalization groups, precision, and algorithm 2 during training."""

import numpy as np

from bn_repro.paper.section_4_2_comparison import final_accuracy
from bn_repro.paper.section_4_2_networks import NAMES, Networks, within_budget_of
from bn_repro.report import pages, tables
from bn_repro.report.collect import Run


def section(networks: Networks, runs: list[Run]) -> str:
  """The text on BN-x5 with other mini-batches, groups and types."""
  usual = within_budget_of(runs, networks).get('bn_x5', [])[:1]
  head = ('mini-batch', 'groups of', 'dtype', 'accuracy (one run)')
  rows = [[*map(str, _setting(run)), final_accuracy([run])] for run in (*usual, *runs)]
  groups = {NAMES[name]: group for name, group in networks.items()}
  for run in runs:
    groups['BN-x5, {} in groups of {}, {}'.format(*_setting(run))] = [run]
  return pages.render(
    'section_4_2_normalization', config=runs[0].config,
    table=tables.markdown(head, rows), tracking=_tracking(groups),
  )  # fmt: skip


def _setting(run: Run) -> tuple[int, int, str]:
  names = ('batch_size', 'model.normalization_group', 'model.dtype')
  return tuple(run.config[name] for name in names)


def _tracking(groups: Networks) -> str:
  """How far the moving average is from algorithm 2, early and late."""
  rows = []
  for name, runs in groups.items():
    parts = _differences(runs, slice(1, 6)), _differences(runs, slice(6, None))
    if len(everything := np.concatenate(parts)):
      means = (f'{part.mean():+.1f}' if len(part) else '' for part in parts)
      rows.append([name, *means, f'{np.abs(everything).max():.1f}'])
  head = ('network', 'epochs 1 to 5, mean', 'later, mean', 'largest difference')
  return tables.markdown(head, rows)


def _differences(runs: list[Run], evaluations: slice) -> np.ndarray:
  """In points; none without BN, or once a run has diverged."""
  moving = 'test_accuracy_moving_average'
  curves = [run.curves for run in runs if moving in run.curves]
  points = [100 * (c[moving] - c['test_accuracy'])[evaluations] for c in curves]
  together = np.concatenate([[], *points])
  return together[np.isfinite(together)]

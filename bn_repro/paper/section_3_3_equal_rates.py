"""After the paper: both networks at the same learning rates."""

import numpy as np

from bn_repro.report import tables
from bn_repro.report.figures import COLOURS, NAMES
from bn_repro.report.intervals import of_mean
from bn_repro.report.seeds import (
  Results,
  by_variant,
  estimate,
  final,
  panels,
  percent,
  save,
)

TITLE = 'After: equal learning rates (Bjorck et al., 2018)'
SWEEPS, PAGES = ('equal_rates',), ()
TEXT = """\
After {steps:,} steps, and with BN less without, in points, seed by seed; for three
initial deviations and 50,000 steps see the grid of [results/mnist](../mnist/README.md):

{table}

{figure}
"""


def section(results: Results) -> str:
  """Draws the figure and returns the text."""
  runs = results.sweeps['equal_rates']
  steps = runs[0].summary['num_steps']
  return TEXT.format(steps=steps, table=_table(runs), figure=_figure(results, runs))


def by_rate(runs) -> dict[float, dict[str, list]]:
  """Runs by learning rate, smallest first, and network."""
  found: dict[float, dict[str, list]] = {}
  for variant, group in by_variant(runs).items():
    network, _, rate = variant.rpartition('_rate')
    found.setdefault(float(rate), {})[network] = group
  return dict(sorted(found.items()))


def differences(networks: dict[str, list]) -> np.ndarray:
  """Final accuracy with BN less without, of each seed."""
  return final(networks['batch_norm']) - final(networks['baseline'])


def _table(runs) -> str:
  rows = [
    (f'{rate:g}', str(len(networks['batch_norm'])),
     *(percent(final(networks[name])) for name in NAMES),
     estimate(differences(networks), '{:+.2f}', 100))
    for rate, networks in by_rate(runs).items()
  ]  # fmt: skip
  return tables.markdown(('learning rate', 'seeds', *NAMES.values(), 'points'), rows)


def _figure(results: Results, runs) -> str:
  """A point is a mean over seeds, with its interval, as far as that is above 0.1 %."""
  figure, (axes,) = panels(1, width=5)
  rates = by_rate(runs)
  for network, name in NAMES.items():
    of_rate = [of_mean(final(networks[network])) for networks in rates.values()]
    mean, most, least = 1 - np.asarray(of_rate).T
    axes.errorbar(
      list(rates), mean, (mean - np.maximum(least, 1e-3), most - mean), fmt='o-', ms=4,
      capsize=2, color=COLOURS[network], label=name,
    )  # fmt: skip
  axes.set(xscale='log', xlabel='learning rate', ylabel='final test error')
  axes.set(yscale='log', ylim=(0.01, 1))
  axes.legend(fontsize=8)
  return save(figure, results, 'equal_rates', runs)

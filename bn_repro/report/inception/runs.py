"""The runs of section 4.2.2 and what figure 3 asks of them.

Accuracies are of validation images, one centre crop, with population statistics.
"""

import math
from typing import NamedTuple

import numpy as np

from bn_repro.intervals import Interval, of_ratio
from bn_repro.report.collect import Run

PLAIN = 'inception'
# Figure 3: steps to 72.2 %, in millions, and the maximum accuracy.
PAPER = {
  'inception': (31.0, '72.2 %'),
  'bn_baseline': (13.3, '72.7 %'),
  'bn_x5': (2.1, '73.0 %'),
  'bn_x30': (2.7, '74.8 %'),
  'bn_x5_sigmoid': (None, '69.8 %'),
}
NAMES = {
  'inception': 'Inception',
  'bn_baseline': 'BN-Baseline',
  'bn_x5': 'BN-x5',
  'bn_x30': 'BN-x30',
  'bn_x5_sigmoid': 'BN-x5-Sigmoid',
  'inception_sigmoid': 'Inception with sigmoids',
}


class SpeedUp(NamedTuple):
  """How many times fewer steps than the plain network, each seed with its own.

  Attributes:
    ratio: the geometric mean over the seeds that reached the target; NaN if none did.
    reached, seeds: how many did, and how many there are.
  """

  ratio: Interval
  reached: int
  seeds: int


def best(run: Run) -> float:
  """The maximum of validation accuracy; it was chosen on these images."""
  return float(run.curves['test_accuracy'].max())


def best_step(run: Run) -> float:
  """Where the maximum was first reached."""
  return run.steps_to(best(run))


def by_network(runs: list[Run]) -> dict[str, list[Run]]:
  """The runs of each network of figure 3 that has some, in its order."""
  found = {name: [r for r in runs if r.config['network'] == name] for name in PAPER}
  return {name: of_network for name, of_network in found.items() if of_network}


def with_other_seeds(
  networks: dict[str, list[Run]], runs: list[Run]
) -> dict[str, list[Run]]:
  """The networks, and of a sweep around them those runs whose seeds they lack."""
  own = [run for of_name in networks.values() for run in of_name]
  names = {run.name for run in own}
  others = [run for run in runs if '_seed' in run.name and run.name not in names]
  return by_network([*own, *others])


def within_budget_of(
  runs: list[Run], networks: dict[str, list[Run]]
) -> dict[str, list[Run]]:
  """The networks, cut where they had seen as many images as the runs were given.

  How long a run is meant to be changes none of its steps, so that the beginning of a
  long one is the short one.
  """
  images = max(run.summary['num_steps'] * run.config['batch_size'] for run in runs)
  return {
    name: [_until(run, images / run.config['batch_size']) for run in of_name]
    for name, of_name in networks.items()
  }


def _until(run: Run, step: float) -> Run:
  counted = run.curves['step'] <= step
  return run._replace(curves={n: values[counted] for n, values in run.curves.items()})


def pairs(plain: list[Run], runs: list[Run]) -> list[tuple[Run, Run]]:
  """A plain run with each run of its seed; runs whose seed it lacks are left out."""
  of_seed = {run.config['seed']: run for run in plain}
  return [
    (of_seed[run.config['seed']], run) for run in runs if run.config['seed'] in of_seed
  ]


def speed_up(plain: list[Run], runs: list[Run], below: float = 0.0) -> SpeedUp:
  """Steps of the plain network to its own maximum, over those of the others to it.

  Figure 3's comparison, in which 72.2 % is that maximum.

  Args:
    plain, runs: of some seeds.
    below: takes a lower target, by so much, for both.
  """
  references = [reference for reference, _ in pairs(plain, runs)]
  needed = steps_to_target(plain, references, below)
  ratios = needed / steps_to_target(plain, runs, below)
  reached = ratios[ratios > 0]
  unknown = Interval(math.nan, math.nan, math.nan)
  return SpeedUp(
    of_ratio(reached) if len(reached) else unknown, len(reached), len(ratios)
  )


def steps_to_target(
  plain: list[Run], runs: list[Run], below: float = 0.0
) -> np.ndarray:
  """Steps to the maximum of the plain run of the same seed, `[seeds]` float64."""
  together = pairs(plain, runs)
  return np.asarray([run.steps_to(best(p) - below) for p, run in together])


def seconds_per_step(run: Run) -> float:
  """The median over a run, of training alone."""
  return run.config['batch_size'] / run.summary['examples_per_second']

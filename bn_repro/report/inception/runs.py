"""The runs of section 4.2.2 and what figure 3 asks of them.

Accuracies are of validation images, one centre crop, with population statistics.
"""

import math
from typing import NamedTuple

import numpy as np

from bn_repro.errors import UserError
from bn_repro.intervals import (
  Interval,
  around,
  difference,
  of_ratio,
  pooled_deviation,
)
from bn_repro.report.collect import Run

PLAIN = 'inception'
VALIDATION_IMAGES = 3925  # of Imagenette
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
    least: `[seeds]` float64; 0 for a seed that did not reach the target.
    most: `[seeds]` float64; the same, but that a seed which was stopped with patience
      left might have reached it with its next step.
  """

  least: np.ndarray
  most: np.ndarray

  @property
  def seeds(self) -> int:
    """How many there are."""
    return len(self.least)

  @property
  def reached(self) -> int:
    """How many seeds reached the target."""
    return int((self.least > 0).sum())

  @property
  def ratio(self) -> Interval:
    """The geometric mean over the seeds that reached the target; NaN if none did."""
    if not self.reached:
      return Interval(math.nan, math.nan, math.nan)
    return of_ratio(self.least[self.least > 0])

  @property
  def at_most(self) -> float:
    """The geometric mean of the bounds; 0 if a seed ended by itself before it."""
    return float(np.prod(self.most) ** (1 / self.seeds))

  @property
  def missed(self) -> str:
    """What became of the others: 'never', 'not yet' if they were stopped, or both."""
    counts = {'never': (self.most == 0).sum(),
              'not yet': ((self.least == 0) & (self.most > 0)).sum()}  # fmt: skip
    return ' or '.join(word for word, number in counts.items() if number)


def best(run: Run) -> float:
  """The maximum of validation accuracy; it was chosen on these images."""
  return float(run.curves['test_accuracy'].max())


def is_at_chance(run: Run) -> bool:
  """Whether it is never better than chance (section 4.2.2), by two points.

  Classes are not of one size: of Imagenette's validation images 10.7 % are of the
  largest.
  """
  return best(run) < 1 / run.config['dataset.num_classes'] + 0.02


def more_accuracy(
  runs: list[Run], others: list[Run], networks: dict[str, list[Run]]
) -> Interval:
  """The maximum of some runs less that of others (figure 3), means over seeds, 0 to 1.

  The spread between seeds is pooled over all networks, which know it better than the
  few seeds of two. While each has a single one, the interval is that of the validation
  images, as if each run had its own; how far another seed would be is then unknown.
  """
  ours, theirs = ([*map(best, group)] for group in (runs, others))
  spread = pooled_deviation([*map(best, group)] for group in networks.values())
  if spread.freedom:
    return difference(ours, theirs, *spread)
  of_images = math.sqrt(sum(p * (1 - p) / VALIDATION_IMAGES for p in ours + theirs))
  return around(ours[0] - theirs[0], of_images, VALIDATION_IMAGES)


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
  as_it_is = lambda run: f'{run.config["network"]}_seed{run.config["seed"]}'
  others = [r for r in runs if r.name == as_it_is(r) and r.name not in names]
  return by_network([*own, *others])


def within_budget_of(
  runs: list[Run], networks: dict[str, list[Run]]
) -> dict[str, list[Run]]:
  """The networks, cut where they had seen as many images as the runs were given.

  How long a run is meant to be changes none of its steps, so that the beginning of a
  long one is the short one; but for its last evaluation, which comes at the end of the
  budget, up to half an interval before or after that of the long one.
  """
  images = max(run.summary['num_steps'] * run.config['batch_size'] for run in runs)
  return {
    name: [_until(run, images / run.config['batch_size']) for run in of_name]
    for name, of_name in networks.items()
  }


def _until(run: Run, step: float) -> Run:
  steps = run.curves['step']
  last = step + np.diff(steps[:2]).sum() / 2
  curves = {name: values[steps <= last] for name, values in run.curves.items()}
  between = run.summary['diverged_between_steps']
  diverged = between is not None and between[0] < step
  return run._replace(curves=curves, summary=run.summary | {'diverged': diverged})


def is_cut(run: Run) -> bool:
  """Whether `train_for` ended it, with patience left: its maximum may be ahead."""
  return run.curves['step'][-1] >= run.summary['num_steps']


def pairs(plain: list[Run], runs: list[Run]) -> list[tuple[Run, Run]]:
  """A plain run with each run of its seed; runs whose seed it lacks are left out."""
  of_seed = {run.config['seed']: run for run in plain}
  return [
    (of_seed[run.config['seed']], run) for run in runs if run.config['seed'] in of_seed
  ]


def of_common_seeds(*groups: list[Run]) -> list[list[Run]]:
  """Of each group, one at least, the runs of those seeds that all have, in order."""
  seed = lambda run: run.config['seed']
  common = set.intersection(*(set(map(seed, group)) for group in groups))
  return [sorted((r for r in g if seed(r) in common), key=seed) for g in groups]


def _some_pairs(plain: list[Run], runs: list[Run]) -> list[tuple[Run, Run]]:
  """What `pairs` finds, for a comparison, which needs at least one."""
  if found := pairs(plain, runs):
    return found
  names = ', '.join(run.name for run in runs)
  raise UserError(
    f'no run of {PLAIN} has the seed of {names}, and its maximum is the target; '
    f'train {PLAIN} with that seed, too'
  )


def speed_up(plain: list[Run], runs: list[Run], below: float = 0.0) -> SpeedUp:
  """Steps of the plain network to its own maximum, over those of the others to it.

  Figure 3's comparison, in which 72.2 % is that maximum.

  Args:
    plain, runs: of some seeds.
    below: takes a lower target, by so much, for both.

  Raises:
    UserError: no two are of one seed, so that there is no target.
  """
  references, paired = zip(*_some_pairs(plain, runs), strict=True)
  needed = steps_to_target(plain, references, below)
  steps = steps_to_target(plain, paired, below)
  stopped = [run.curves['step'][-1] if is_cut(run) else math.inf for run in paired]
  return SpeedUp(needed / steps, needed / np.minimum(steps, stopped))


def steps_to_target(
  plain: list[Run], runs: list[Run], below: float = 0.0
) -> np.ndarray:
  """Steps to the maximum of the plain run of the same seed, `[seeds]` float64."""
  together = pairs(plain, runs)
  return np.asarray([run.steps_to(best(p) - below) for p, run in together])


def seconds_per_step(run: Run) -> float:
  """The median over a run, of training alone."""
  return run.config['batch_size'] / run.summary['examples_per_second']

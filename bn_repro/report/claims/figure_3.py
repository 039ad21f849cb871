"""Claims of section 4.2 that the scaled five-network comparison can try."""

import math

import numpy as np

from bn_repro.intervals import of_mean
from bn_repro.report import commands
from bn_repro.report.claims.ledger import (
  SCALED,
  UNTESTABLE,
  Claim,
  Evidence,
  Finding,
  Missing,
  exactly,
)
from bn_repro.report.inception import runs as family
from bn_repro.report.inception.runs import NAMES, PLAIN, best, best_step, by_network
from bn_repro.report.tables import interval

HALF = "at least half of the paper's factor"


def networks_of(evidence: Evidence, *names: str) -> dict[str, list]:
  """The runs of the five networks; raises `Missing` unless these are there."""
  found = by_network(evidence.runs('inception', 'networks'))
  if missing := [name for name in (PLAIN, *names) if name not in found]:
    raise Missing(f'inception/networks.json with {", ".join(missing)}')
  return found


def mean_best(runs) -> float:
  """The mean over seeds of the maximum accuracy, in %."""
  return 100 * float(np.mean([best(run) for run in runs]))


def fewer_steps(name: str, least: float):
  """Claims 9 and 10: steps to the plain network's maximum."""

  def measure(evidence: Evidence) -> Finding:
    networks = networks_of(evidence, name)
    found = family.speed_up(networks[PLAIN], networks[name])
    highest = f'its maximum is {mean_best(networks[name]):.1f} %, that of the plain '
    highest += f'network {mean_best(networks[PLAIN]):.1f} %'
    if not found.reached:
      never = f"{NAMES[name]} never meets the plain network's maximum; {highest}"
      return Finding(False, None, '', found.seeds, 'seeds', never)
    return Finding(
      found.reached == found.seeds and found.ratio.mean > least, found.ratio,
      'times fewer steps', found.seeds, 'seeds',
      f'{interval(found.ratio)} times fewer steps to the maximum of the plain network '
      f'({found.reached} of {found.seeds} seeds reach it); {highest}',
    )  # fmt: skip

  return measure


def slower_but_higher(evidence: Evidence) -> Finding:
  """Claim 11."""
  networks = networks_of(evidence, 'bn_x5', 'bn_x30')
  common = min(mean_best(networks[name]) for name in ('bn_x5', 'bn_x30')) / 100
  steps = {
    name: np.mean([run.steps_to(0.95 * common) for run in networks[name]])
    for name in ('bn_x5', 'bn_x30')
  }
  higher = mean_best(networks['bn_x30']) - mean_best(networks['bn_x5'])
  return Finding(
    bool(steps['bn_x30'] > steps['bn_x5'] and higher > 0), exactly(higher), 'points',
    len(networks['bn_x30']), 'seeds',
    f'to {95 * common:.1f} % BN-x30 takes {steps["bn_x30"]:,.0f} steps and BN-x5 '
    f'{steps["bn_x5"]:,.0f}; BN-x30 ends {higher:+.1f} points from BN-x5',
  )  # fmt: skip


def higher_in_fewer(evidence: Evidence) -> Finding:
  """Claim 12."""
  networks = networks_of(evidence, 'bn_x30')
  plain, runs = networks[PLAIN], networks['bn_x30']
  ratio = np.mean([best_step(r) for r in plain]) / np.mean([best_step(r) for r in runs])
  higher = mean_best(runs) - mean_best(plain)
  return Finding(
    bool(ratio >= 31 / 6 / 2 and higher > 0), exactly(float(ratio)),
    'times fewer steps', len(runs), 'seeds',
    f'its maximum, {mean_best(runs):.1f} %, is {higher:+.1f} points from the plain '
    f"network's and comes {ratio:.1f} times sooner",
  )  # fmt: skip


def sigmoids_train(evidence: Evidence) -> Finding:
  """Claim 13."""
  networks = networks_of(evidence, 'bn_x5_sigmoid')
  found = [100 * best(run) for run in networks['bn_x5_sigmoid']]
  below = mean_best(networks[PLAIN]) - np.mean(found)
  return Finding(
    bool(below < 2 * (72.2 - 69.8)), of_mean(found), '%', len(found), 'seeds',
    f'{interval(of_mean(found))} %, {below:.1f} points below the plain network with '
    'ReLU',
  )  # fmt: skip


def not_enough(evidence: Evidence) -> Finding:
  """Claim 23."""
  networks = networks_of(evidence, 'bn_baseline', 'bn_x5', 'bn_x30')
  ratios = {
    name: family.speed_up(networks[PLAIN], networks[name]).ratio.mean
    for name in ('bn_baseline', 'bn_x5', 'bn_x30')
  }
  reached = {name: 0.0 if math.isnan(r) else r for name, r in ratios.items()}
  more = max(reached['bn_x5'], reached['bn_x30'])
  return Finding(
    more > reached['bn_baseline'], exactly(more), 'times fewer steps', 3, 'networks',
    f'BN-Baseline {_times(ratios["bn_baseline"])}, with the other changes '
    f'{_times(ratios["bn_x5"])} (x5) and {_times(ratios["bn_x30"])} (x30)',
  )  # fmt: skip


def _times(ratio: float) -> str:
  return 'never' if math.isnan(ratio) else f'{ratio:.1f} times fewer steps'


def out_of_reach(reason: str):
  """A claim on ImageNet alone."""
  return lambda evidence: Finding(False, None, '', 0, '', reason)


def _of_networks(number, section, text, rule, measure) -> Claim:
  return Claim(
    number, section, text, 'configs/sweeps/inception_networks.py',
    commands.inception('networks'), rule, SCALED, measure,
  )  # fmt: skip


CLAIMS = (
  Claim(
    8, 'section 4.2.2', 'Inception reaches 72.2 % on ImageNet after 31 million steps.',
    'configs/inception.py:imagenet2012',
    'python -m bn_repro --config=configs/inception.py:imagenet2012 '
    '--workdir=runs/inception',
    '', UNTESTABLE,
    out_of_reach('ImageNet and 31 million steps are beyond our machines; what they '
                 'would take is in imagenet_plan.md'),
  ),
  _of_networks(
    9, 'figure 3', 'BN-Baseline matches Inception in less than half the steps.',
    'more than twice fewer steps, with every seed', fewer_steps('bn_baseline', 2.0),
  ),
  _of_networks(
    10, 'section 1, figure 3', 'BN-x5 needs 14 times fewer steps than Inception.',
    f'{HALF}, with every seed', fewer_steps('bn_x5', 14.76 / 2),
  ),
  _of_networks(
    11, 'figure 3', 'BN-x30 starts slower than BN-x5 and ends higher.',
    'more steps to 95 % of the lower of both maxima, and a higher maximum',
    slower_but_higher,
  ),
  _of_networks(
    12, 'section 4.2.2',
    'BN-x30 reaches 74.8 %, 2.6 points above Inception, in 5 times fewer '
    'steps.', f'a higher maximum, and {HALF}', higher_in_fewer,
  ),
  _of_networks(
    13, 'figure 3', 'With BN the network trains with sigmoids, too, to 69.8 %, 2.4 '
    'points below Inception.', 'at most twice as many points below', sigmoids_train,
  ),
  _of_networks(
    23, 'section 4.2.1', 'Adding BN alone does not take full advantage of it.',
    'BN-x5 or BN-x30 takes fewer steps than BN-Baseline', not_enough,
  ),
)  # fmt: skip

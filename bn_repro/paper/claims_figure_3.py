"""Claims of section 4.2 that the five networks of figure 3 can try."""

import math

import numpy as np

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper.ledger import Evidence, Finding, Measure, Missing
from bn_repro.paper.section_4_2_comparison import HIGH_TARGET, TARGET
from bn_repro.paper.section_4_2_networks import (
  NAMES,
  PLAIN,
  SLOW_DECAY,
  by_network,
  with_slow_decay,
)
from bn_repro.report import effects
from bn_repro.report.effects import Effect
from bn_repro.report.tables import rounded

EARLY_TARGET = 0.4


def networks_of(evidence: Evidence, *names: str) -> dict[str, list]:
  """The runs of figure 3's networks, and of BN-x5 with the slower decay.

  Raises:
    Missing: the plain network or one of `names` was not trained.
  """
  networks = by_network(evidence.runs('inception', 'networks'))
  if missing := [name for name in (PLAIN, *names) if name not in networks]:
    raise Missing(f'inception/networks.json with {", ".join(missing)}')
  try:
    return with_slow_decay(networks, evidence.runs('inception', 'decay'))
  except Missing:
    return networks


def faster(name: str, baseline: str = PLAIN, target: float = TARGET) -> Measure:
  """Claims 9, 10, 12 (second half) and 23: a speed-up at a fixed target."""

  def measure(evidence: Evidence) -> Finding:
    networks = networks_of(evidence, name, baseline)
    effect = comparison.speed_up_of(networks, name, baseline, target)
    runs = networks[name] + networks[baseline]
    if effect is None:
      return _nobody_arrived(runs, target)
    return Finding(
      effect, len(networks[name]), 'seeds',
      f'to {rounded(target, 0)} {NAMES[name]} is {times(effect)} as fast as '
      f'{NAMES[baseline]} ({_reached(networks, name, target)}, '
      f'{_reached(networks, baseline, target)}){_slow_decay(networks, name, target)}',
      runs=runs,
    )  # fmt: skip

  return measure


def _nobody_arrived(runs: list, target: float) -> Finding:
  unknown = effects.between(math.nan, 0.0, math.inf, 'censored log-normal model')
  text = f'neither network reaches {rounded(target, 0)}'
  return Finding(unknown, len(runs), 'runs', text, too_little=text, runs=runs)


def times(effect: Effect) -> str:
  """Such as '5.6 (4.5 to 6.9) times'; of a bound 'at most 2.2 times'."""
  if effect.value == 0:
    return f'at most {effect.high:.2g} times'
  if math.isinf(effect.value):
    return f'at least {effect.low:.2g} times'
  return f'{effect.text("{:.2f}")} times'


def _reached(networks, name: str, target: float) -> str:
  number = comparison.number_reached(networks, name, target)
  return f'{NAMES[name]}: {number} of {len(networks[name])} seeds arrive'


def _slow_decay(networks, name: str, target: float) -> str:
  """What BN-x5 does with the decay of the plain network, if that was tried."""
  if name != 'bn_x5' or SLOW_DECAY not in networks:
    return ''
  effect = comparison.speed_up_of(networks, SLOW_DECAY, PLAIN, target)
  return f'; with the decay of the plain network it is {times(effect)} as fast'


def starts_slower(evidence: Evidence) -> Finding:
  """Claim 11, first half: steps of BN-x30 over those of BN-x5."""
  networks = networks_of(evidence, 'bn_x5', 'bn_x30')
  effect = comparison.speed_up_of(networks, 'bn_x5', 'bn_x30', EARLY_TARGET)
  runs = networks['bn_x5'] + networks['bn_x30']
  if effect is None:
    return _nobody_arrived(runs, EARLY_TARGET)
  return Finding(
    effect, len(networks['bn_x30']), 'seeds',
    f'to {rounded(EARLY_TARGET, 0)} BN-x30 takes {times(effect)} the steps of BN-x5',
    runs=runs,
  )  # fmt: skip


def ends_higher(name: str, other: str, together: bool) -> Measure:
  """Claims 11, 12 and 13: accuracy at the end, or at the last common step."""

  def measure(evidence: Evidence) -> Finding:
    networks = networks_of(evidence, name, other)
    groups = networks[name], networks[other]
    step = comparison.common_step(*groups) if together else None
    effect = comparison.accuracy_difference(networks, name, other, step)
    means = (
      np.mean([comparison.accuracy_until(run, step) for run in runs]) for runs in groups
    )
    ours, theirs = map(rounded, means)
    when = f'after {step:,.0f} steps' if together else 'each at its own end'
    return Finding(
      effect, len(networks[name]), 'seeds',
      f'{NAMES[name]} reaches {ours} and {NAMES[other]} {theirs}, {when}: '
      f'{effect.text("{:+.1f}", " points")}',
      runs=[*groups[0], *groups[1]],
    )  # fmt: skip

  return measure


CLAIMS: dict[str, Measure] = {
  '9': faster('bn_baseline'),
  '10': faster('bn_x5'),
  '11a': starts_slower,
  '11b': ends_higher('bn_x30', 'bn_x5', together=True),
  '12a': ends_higher('bn_x30', PLAIN, together=False),
  '12b': faster('bn_x30', target=HIGH_TARGET),
  '13a': ends_higher('bn_x5_sigmoid', PLAIN, together=False),
  '13b': ends_higher('bn_x5_sigmoid', 'bn_x5', together=True),
  '23': faster('bn_x30', baseline='bn_baseline'),
}

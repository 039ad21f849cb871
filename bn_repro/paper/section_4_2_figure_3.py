"""Figure 3 of the paper, and what its section says of it (claims 9 to 13 and 23)."""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper.ledger import Evidence, Finding, Measure
from bn_repro.paper.section_4_2_comparison import (
  HIGH_TARGET,
  PROFILE,
  TARGET,
  TARGETS,
  accuracy_until,
)
from bn_repro.paper.section_4_2_figure_2 import figure_2, runtimes, with_seeds
from bn_repro.paper.section_4_2_networks import (
  COLOURS,
  NAMES,
  PAPER,
  PLAIN,
  SLOW_DECAY,
  trained,
)
from bn_repro.report import effects, pages, tables
from bn_repro.report.collect import Run
from bn_repro.report.figures import save
from bn_repro.report.tables import rounded

EARLY_TARGET = 0.4


def section(networks: dict[str, list[Run]], results: Path) -> str:
  """Draws the figures of section 4.2.2 and returns its text.

  Args:
    networks: the runs of each, in the order of the tables.
    results: the folder of the figures.
  """
  figure_2(networks, results / 'figure2.png')
  figure_3(networks, results / 'speed_up.png')
  runtimes(networks, results / 'runtimes.png')
  return text(networks)


def text(networks: dict[str, list[Run]]) -> str:
  """The text alone."""
  device, costs = comparison.seconds_per_step(networks)
  spreads = {t: comparison.spread_of_steps(networks, t) for t in TARGETS}
  return pages.render(
    'section_4_2_figure_3',
    table=table(networks), target=rounded(TARGET, 0), levels=_levels(networks),
    low=rounded(PROFILE[0], 0), high=rounded(PROFILE[-1], 0),
    spread=spreads[TARGET], spreads=[s.deviation for s in spreads.values()],
    equality=comparison.equality_of_spreads(networks),
    device=device, not_timed=[NAMES[name] for name in networks if name not in costs],
  )  # fmt: skip


def table(networks: dict[str, list[Run]]) -> str:
  """Figure 3: ours beside the paper's; the two accuracies are not comparable."""
  head = ('network', 'learning rate', 'seeds', f'speed-up to {rounded(TARGET, 0)}',
          'in the paper', 'final accuracy')  # fmt: skip
  return tables.markdown(head, (_row(networks, name) for name in networks))


def _row(networks, name) -> list[str]:
  runs = networks[name]
  return [
    NAMES[name], f'{runs[0].config["learning_rate"]:g}', str(len(runs)),
    '1' if name == PLAIN else speed_up(networks, name, TARGET), _papers_speed_up(name),
    comparison.final_accuracy(runs),
  ]  # fmt: skip


def speed_up(networks: dict[str, list[Run]], name: str, target: float) -> str:
  """Over Inception: '5.57 (4.51 to 6.90), 2/2', or '-' if neither arrives."""
  effect = comparison.speed_up_of(networks, name, PLAIN, target)
  if effect is None:
    return '-'
  reached = comparison.number_reached(networks, name, target)
  return f'{effect.text("{:.2f}")}, {reached}/{len(networks[name])}'


def _papers_speed_up(name: str) -> str:
  """Such as '14.8', 'never', or '' where the paper has no such network."""
  if name not in PAPER:
    return ''
  steps, _ = PAPER[name]
  return f'{PAPER[PLAIN][0] / steps:.3g}' if steps else 'never'


def _levels(networks) -> str:
  """Speed-ups at all targets, a row for each network."""
  head = ('speed-up to', *(rounded(target, 0) for target in TARGETS))
  rows = (
    [NAMES[name], *(speed_up(networks, name, target) for target in TARGETS)]
    for name in networks
    if name != PLAIN
  )
  return tables.markdown(head, rows)


def figure_3(networks: dict[str, list[Run]], path: Path) -> None:
  """Figure 3: speed-up over Inception, ours with 95 % intervals beside the paper's.

  Args:
    networks: the runs of each.
    path: the PNG to write.
  """
  names = [name for name in networks if name != PLAIN]
  figure, axes = plt.subplots(figsize=(7, 3.2), layout='constrained')
  for row, name in enumerate(names):
    effect = comparison.speed_up_of(networks, name, PLAIN)
    if effect is not None and 0 < effect.value < np.inf:
      error = [[effect.value - effect.low], [effect.high - effect.value]]
      axes.errorbar(effect.value, row, xerr=error, fmt='o', capsize=4,
                    color=COLOURS[name])  # fmt: skip
    papers = PAPER.get(name, (None,))[0]
    if papers:
      axes.plot(PAPER[PLAIN][0] / papers, row, 'x', ms=8, color='black')
  here = f'here, to {rounded(TARGET, 0)}, 95 % interval'
  axes.plot([], [], 'ko', label=here)
  axes.plot([], [], 'kx', label='the paper, to 72.2 % on ImageNet')
  axes.set_yticks(range(len(names)), [with_seeds(n, networks[n]) for n in names])
  axes.axvline(1, color='grey', lw=1)
  axes.set(xscale='log', xlabel='speed-up over Inception (fewer steps, times)')
  axes.set_xticks([1, 2, 5, 10, 15], ['1', '2', '5', '10', '15'])
  axes.minorticks_off()
  axes.invert_yaxis()
  axes.grid(alpha=0.3)
  figure.legend(fontsize=8, loc='outside lower center', ncols=2)
  save(figure, path, [run for runs in networks.values() for run in runs])


def faster(name: str, baseline: str = PLAIN, target: float = TARGET) -> Measure:
  """Claims 9, 10, 12 (second half) and 23: a speed-up at a fixed target."""

  def measure(evidence: Evidence) -> Finding:
    networks = trained(evidence, name, baseline)
    effect = comparison.speed_up_of(networks, name, baseline, target)
    runs = networks[name] + networks[baseline]
    if effect is None:
      return _neither_arrives(runs, target)
    return Finding(
      effect, len(networks[name]), 'seeds',
      f'to {rounded(target, 0)} {NAMES[name]} is {effect.text("{:.2f}")} times as fast '
      f'as {NAMES[baseline]} ({_arrivals(networks, name, target)}, '
      f'{_arrivals(networks, baseline, target)}){_slow_decay(networks, name, target)}',
      runs=runs,
    )  # fmt: skip

  return measure


def _neither_arrives(runs: list[Run], target: float) -> Finding:
  unknown = effects.between(math.nan, 0.0, math.inf, 'censored log-normal model')
  text = f'neither network reaches {rounded(target, 0)}'
  return Finding(unknown, len(runs), 'runs', text, too_little=text, runs=runs)


def _arrivals(networks, name: str, target: float) -> str:
  number = comparison.number_reached(networks, name, target)
  return f'{NAMES[name]}: {number} of {len(networks[name])} seeds arrive'


def _slow_decay(networks, name: str, target: float) -> str:
  """What BN-x5 does with the decay of the plain network, if that was tried."""
  if name != 'bn_x5' or SLOW_DECAY not in networks:
    return ''
  effect = comparison.speed_up_of(networks, SLOW_DECAY, PLAIN, target)
  times = effect.text('{:.2f}')
  return f'; with the decay of the plain network it is {times} times as fast'


def starts_slower(evidence: Evidence) -> Finding:
  """Claim 11, first half: steps of BN-x30 over those of BN-x5."""
  networks = trained(evidence, 'bn_x5', 'bn_x30')
  effect = comparison.speed_up_of(networks, 'bn_x5', 'bn_x30', EARLY_TARGET)
  runs = networks['bn_x5'] + networks['bn_x30']
  if effect is None:
    return _neither_arrives(runs, EARLY_TARGET)
  return Finding(
    effect, len(networks['bn_x30']), 'seeds',
    f'to {rounded(EARLY_TARGET, 0)} BN-x30 takes {effect.text("{:.2f}")} times the '
    'steps of BN-x5',
    runs=runs,
  )  # fmt: skip


def ends_higher(name: str, other: str, together: bool) -> Measure:
  """Claims 11, 12 and 13: accuracy at the end, or at the last common step."""

  def measure(evidence: Evidence) -> Finding:
    networks = trained(evidence, name, other)
    groups = networks[name], networks[other]
    step = comparison.common_step(*groups) if together else None
    effect = comparison.accuracy_difference(networks, name, other, step)
    ours, theirs = (
      rounded(np.mean([accuracy_until(run, step) for run in runs])) for runs in groups
    )
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

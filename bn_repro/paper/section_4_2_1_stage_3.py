"""Section 4.2.1 by stage 3 of the protocol: seven changes in 32 runs (claims 17 to 22).

The main effect of a change is the mean of the 16 runs with it minus the mean of the 16
without it: every change uses all 32 runs. The pilot, trained before, chooses the two
weights of the L2 penalty by the protocol's rule.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bn_repro.paper import ledger, stages
from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper.ledger import Evidence, Finding, Measure
from bn_repro.paper.section_4_2_1_changes import CHANGES
from bn_repro.paper.section_4_2_stage_2a import fails
from bn_repro.report import effects, pages, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.factorial import Factorial, factorial, half_normal
from bn_repro.report.figures import draw_intervals, panels, save
from bn_repro.report.tables import rounded

STAGE, PILOT = 'stage3_changes', 'stage3_pilot'
# Steps are counted to the first of these that all runs reach.
TARGETS = (0.5, 0.45, 0.4, 0.35, 0.3)
COSTS_AT_MOST = 0.03  # accuracy, of the high weight of the L2 penalty in the pilot
# A change does nothing in a run that fails: with more of these than a quarter an effect
# would come out too small, and a loss too easily within its margin.
FAIL_AT_MOST = 8


class Design(NamedTuple):
  """What 32 runs say of each factor, 'A' to 'G', high level less low level.

  `accuracy` and `gap` are in points; `log_steps` is None if some run reaches no target.
  """

  accuracy: Factorial
  gap: Factorial
  log_steps: Factorial | None
  target: float

  def speed_up(self, factor: str) -> Effect:
    """Steps to the target at the low level over those at the high one."""
    if self.log_steps is None:
      return effects.without_interval(math.nan)
    return effects.exponential(effects.scaled(self.log_steps.effect(factor), -1))


def design_of(runs: list[Run]) -> Design:
  """The three outcomes of the runs of stage 3."""
  # The name of a run has the level of each factor: 'A+B-' is {'A': 1, 'B': -1}.
  levels = [
    {factor: int(f'{sign}1') for factor, sign in zip(run.name[::2], run.name[1::2])}
    for run in runs
  ]
  of = lambda measure: factorial(levels, tables.over(runs, measure))
  steps = lambda run: comparison.log_steps(run, target)
  arrive = lambda target: all(comparison.log_steps(r, target) < math.inf for r in runs)
  target = next(filter(arrive, TARGETS), math.nan)
  return Design(
    accuracy=of(lambda run: 100 * averaged_accuracy(run)), gap=of(_gap),
    log_steps=None if math.isnan(target) else of(steps), target=target,
  )  # fmt: skip


def averaged_accuracy(run: Run) -> float:
  """Of the averaged weights at the end, 0 to 1: some runs have not annealed by then."""
  return comparison.at_end(run, run.curves['test_accuracy_polyak'])


def _gap(run: Run) -> float:
  """Training less validation accuracy at the end, of the weights, in points."""
  gap = run.curves['train_accuracy_undistorted'] - run.curves['test_accuracy']
  return 100 * comparison.at_end(run, gap)


def factors() -> dict[str, str]:
  """By letter the title of each change, in the order of the sweep."""
  titles = {field: title for field, (title, _) in CHANGES.items()}
  titles['learning_rate'] = 'thirty times the learning rate, not five'
  fields = stages.sweep_of(STAGE).FACTORS.items()
  return {factor: titles[field] for factor, (field, _) in fields}


def section(runs: list[Run], results: Path) -> str:
  """The text on stage 3, of all of its runs; draws the figure."""
  design, titles = design_of(runs), factors()
  figure(design, titles, results / 'main_effects.png', runs)
  columns = {
    'change': titles.get,
    'accuracy (points)': lambda factor: design.accuracy.effect(factor).text('{:+.2f}'),
    'speed-up': lambda factor: (
      design.speed_up(factor).text('{:.2f}') if design.log_steps else '-'
    ),
    'gap (points)': lambda factor: design.gap.effect(factor).text('{:+.2f}'),
  }
  strong = sorted(design.accuracy.interactions.items(), key=lambda item: -abs(item[1]))
  return pages.render(
    'section_4_2_1_stage_3',
    table=seeds.table('factor', {factor: factor for factor in titles}, columns),
    target=rounded(design.target, 0), error=design.accuracy.spread,
    has_target=design.log_steps is not None, strong=strong[:3],
    sentences=[sentence(claim, design, runs) for claim in _claims()],
  )  # fmt: skip


def _claims() -> list[ledger.Claim]:
  return [
    stages.decided_by_its_stage(claim)
    for claim in ledger.read_claims()
    if claim.again.get('stage') == STAGE
  ]


def sentence(claim: ledger.Claim, design: Design, runs: list[Run]) -> str:
  """What became of a claim: '**18: inconclusive.** A fifth of ...: 0.1 points.'"""
  finding = finding_of(claim.key, design, runs)
  effect = finding.too_little or finding.effect.text('{:.2f}', f' {claim.unit}')
  verdict = ledger.verdict(claim, finding)
  return f'**{claim.key}: {verdict}.** {claim.claim.removesuffix(".")}: {effect}.'


def figure(design: Design, titles: dict[str, str], path: Path, runs: list[Run]) -> None:
  """Main effects with 95 % intervals; all contrasts against half-normal quantiles."""
  panel, (main, normal) = panels(2, 5.5, 3.8)
  style = {'fmt': 'o', 'capsize': 3, 'sideways': True}
  draw_intervals(main, range(len(titles)), map(design.accuracy.effect, titles), **style)
  names = [f'{factor}: {title}' for factor, title in titles.items()]
  main.set_yticks(range(len(titles)), names, fontsize=8)
  main.axvline(0, color='black', lw=1)
  main.invert_yaxis()
  main.set_xlabel('points of accuracy, 95 % interval')
  points = half_normal(design.accuracy.contrasts())
  _, sizes, quantiles = zip(*points)
  normal.plot(quantiles, sizes, 'o', ms=4)
  if math.isfinite(slope := design.accuracy.spread.deviation):
    of_line = {'color': 'grey', 'lw': 1, 'label': "Lenth's standard error"}
    normal.axline((0, 0), slope=slope, **of_line)
    normal.legend(fontsize=8)
  for name, size, quantile in points[-5:]:
    normal.annotate(name, (quantile, size), xytext=(-6, 2), ha='right', fontsize=8,
                    textcoords='offset points')  # fmt: skip
  normal.set(xlabel='half-normal quantile', ylabel='absolute contrast (points)')
  save(panel, path, runs)


# By claim a factor, and which of its outcomes decides.
OUTCOMES = {
  '17a': ('C', 'speed-up'), '17b': ('C', 'gap'), '18': ('D', 'accuracy'),
  '19': ('B', 'accuracy'), '20': ('E', 'accuracy'), '21': ('F', 'accuracy'),
  '22': ('G', 'accuracy'),
}  # fmt: skip


def finding_of(key: str, design: Design, runs: list[Run]) -> Finding:
  """With all three outcomes of the factor in its text; the design is of the runs."""
  factor, outcome = OUTCOMES[key]
  ratio = design.speed_up(factor)
  accuracy, gap = (d.effect(factor) for d in (design.accuracy, design.gap))
  diverged, failing = (sum(map(of, runs)) for of in (lambda r: r.diverged, fails))
  text = (
    f'{factors()[factor]}: {accuracy.text("{:+.2f}", " points")} of accuracy, '
    f'{gap.text("{:+.2f}", " points")} of the gap to training images'
    + (f', {ratio.text("{:.2f}", " times")} as fast to {rounded(design.target, 0)}'
       if design.log_steps else '')
    + (f'; {failing} runs fail, {diverged} runs diverged' if failing else '')
  )  # fmt: skip
  effect = {'accuracy': accuracy, 'gap': gap, 'speed-up': ratio}[outcome]
  short = _too_little(design, outcome, failing, len(runs))
  return Finding(effect, len(runs), 'runs', text, too_little=short, runs=runs)


def _too_little(design: Design, outcome: str, failing: int, number: int) -> str:
  """Why no verdict can follow; '' if one can."""
  if failing > FAIL_AT_MOST:
    return f'{failing} of {number} runs fail, in which no change can have an effect'
  if outcome == 'speed-up' and not design.log_steps:
    return f'some runs do not reach {rounded(TARGETS[-1], 0)}'
  return ''


def main_effect(key: str) -> Measure:
  """Claims 17 to 22: the main effect that `OUTCOMES` names."""

  def measured(evidence: Evidence) -> Finding:
    runs = stages.needed(evidence, STAGE)
    return finding_of(key, design_of(runs), runs)

  return measured


CLAIMS: dict[str, Measure] = {key: main_effect(key) for key in OUTCOMES}


def pilot(runs: list[Run]) -> str:
  """The pilot's table, and the two weights that its rule gives for stage 3."""
  groups = {f'{weight:g}': v for weight, v in pilot_accuracy(runs).items()}
  columns = {'accuracy at the end': tables.percent}
  table = seeds.table('weight of the L2 penalty', groups, columns)
  if not (levels := levels_of_l2(runs)):
    return f"{table}\n\nNo weight trains, so the protocol's rule gives no levels."
  low, high = levels
  most = 100 * COSTS_AT_MOST
  return (
    f'{table}\n\nThe levels of stage 3 are {high:g} and {low:g}: by the protocol the '
    f'largest weight that\ncosts at most {most:g} points, and a fifth of it.'
  )


def pilot_accuracy(runs: list[Run]) -> dict[float, np.ndarray]:
  """`[seeds]` by weight of the L2 penalty, 0 to 1."""
  groups = tables.group_by(runs, lambda run: run.config['l2']).items()
  return {weight: tables.over(group, averaged_accuracy) for weight, group in groups}


def levels_of_l2(runs: list[Run]) -> tuple[float, float] | None:
  """The low and the high weight of stage 3 by the pilot's rule.

  The high one is the largest whose mean accuracy is not more than three points below
  the best; the low one a fifth of it. None if of every weight a seed fails.
  """
  failing = {run.config['l2'] for run in runs if fails(run)}
  accuracy = pilot_accuracy(runs).items()
  means = {w: float(np.mean(v)) for w, v in accuracy if w not in failing}
  if not means:
    return None
  least = max(means.values()) - COSTS_AT_MOST
  high = max(weight for weight, mean in means.items() if mean >= least)
  return high / 5, high

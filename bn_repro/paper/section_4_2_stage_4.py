"""Section 4.2 by stage 4 of the protocol: the network without BN (claims 14 and 15).

It is trained from four kinds of initial weights at one, five and ten times its learning
rate, and with sigmoids for 60,000 steps.
"""

import math

import numpy as np

from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper import stages
from bn_repro.paper.ledger import Evidence, Finding, Measure
from bn_repro.paper.section_4_2_networks import PLAIN
from bn_repro.paper.section_4_2_rates import too_few_for_never
from bn_repro.paper.section_4_2_stage_2a import fails
from bn_repro.report import effects, intervals, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.tables import rounded

STAGE = 'stage4_controls'
SIGMOIDS = 'inception_sigmoid'
# In names of runs: He's initial weights, and times of Inception's learning rate.
HE, TIMES = 'he', 5


def section(runs: list[Run]) -> str:
  """The text on stage 4, of all of its runs."""
  columns = {
    'highest accuracy': lambda run: rounded(np.nanmax(run.curves['test_accuracy'])),
    'outcome': _outcome,
  }
  return seeds.table('run', {run.name: run for run in sorted(runs)}, columns)


def _outcome(run: Run) -> str:
  if run.diverged:
    first, last = run.summary['diverged_between_steps']
    return f'diverges between steps {first:,} and {last:,}'
  if family.is_at_chance(run):
    return 'stays at chance'
  return 'falls back to chance' if family.ends_at_chance(run) else 'trains'


def never_above_chance(evidence: Evidence) -> Finding:
  """Claim 14: the highest evaluation of all, with its interval over images.

  Of the weights themselves. It was chosen among many, which works against the claim.
  """
  runs = family.of_network(stages.needed(evidence, STAGE), SIGMOIDS)
  best, chance = max(map(family.best, runs)), family.chance(runs[0])
  images = family.VALIDATION_IMAGES
  share = intervals.of_share(round(best * images), images)
  above = [100 * (value - chance) for value in share]
  length = min(run.summary['last_step'] for run in runs)
  diverged = sum(run.diverged for run in runs)
  return Finding(
    effects.between(*above, "Wilson's interval"), len(runs), 'runs',
    f'accuracy is {rounded(best)} at most, in {length:,} steps or more; chance is '
    f'{rounded(chance, 0)}; {diverged} of {len(runs)} runs diverged',
    too_little='' if diverged else too_few_for_never(length), runs=runs,
  )  # fmt: skip


def diverges_without_he(evidence: Evidence) -> Finding:
  """Claim 15: the largest share of diverging seeds among kinds of initial weights.

  At five times Inception's learning rate. He's initial weights came after the network
  and are not counted, nor are kinds with which a seed fails at the usual rate.
  """
  runs = family.of_network(stages.needed(evidence, STAGE), PLAIN)
  groups = tables.group_by(runs, _kind_and_times)
  faster = {kind: group for (kind, times), group in groups.items() if times == TIMES}
  counted = {
    kind: group for kind, group in faster.items()
    if kind != HE and not any(map(fails, groups[kind, 1]))
  }  # fmt: skip
  said = '; '.join(
    f'{kind}: {_diverged(group)} of {len(group)} diverge, {sum(map(fails, group))} fail'
    for kind, group in faster.items()
  )
  steps, groups = runs[0].summary['num_steps'], [*counted.values()]
  return Finding(
    _highest_share(groups), sum(map(len, groups)), 'runs',
    f'within {steps:,} steps at {TIMES} times its learning rate, by initial weights: '
    f'{said}; counted: {", ".join(counted) or "none"}',
    too_little=_no_verdict(groups), runs=runs,
  )  # fmt: skip


def _diverged(group: list[Run]) -> int:
  return sum(run.diverged for run in group)


def _highest_share(counted: list[list[Run]]) -> Effect:
  """The largest share of diverging seeds among groups of runs.

  To take the largest of several shares favours the claim.
  """
  if not counted:
    return effects.without_interval(math.nan)
  most = max(counted, key=lambda group: _diverged(group) / len(group))
  return effects.of_few(_diverged(most), len(most))


def _no_verdict(counted: list[list[Run]]) -> str:
  """Why none follows from these kinds of initial weights; '' if one can."""
  every = [run for group in counted for run in group]
  if not every:
    return 'no other initial weights train at the usual rate'
  if any(map(fails, every)) and not _diverged(every):
    return 'no seed diverges, but some stay at chance, which is no training either'
  return ''


def _kind_and_times(run: Run) -> tuple[str, int]:
  """Of 'std0.03_x5_seed1': the initial weights, and the learning rate in times."""
  kind, _, times = run.name.partition('_seed')[0].rpartition('_x')
  return kind, int(times)


CLAIMS: dict[str, Measure] = {'14': never_above_chance, '15': diverges_without_he}

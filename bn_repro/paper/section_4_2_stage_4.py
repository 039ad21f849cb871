"""Section 4.2 by stage 4 of the protocol: the network without BN (claims 14 and 15).

It is trained from four kinds of initial weights at one, five and ten times its learning
rate, and with sigmoids for 60,000 steps.
"""

import numpy as np

from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper import stages
from bn_repro.paper.ledger import Evidence, Finding, Measure
from bn_repro.paper.section_4_2_networks import PLAIN
from bn_repro.paper.section_4_2_rates import STEPS_OF_NEVER
from bn_repro.report import effects, intervals, seeds
from bn_repro.report.collect import Run
from bn_repro.report.tables import rounded

STAGE = 'stage4_controls'
SIGMOIDS = 'inception_sigmoid'
HE, TIMES = 'he', 5


def section(runs: list[Run]) -> str:
  """The text on stage 4, of all of its runs."""
  columns = {
    'highest accuracy': lambda run: rounded(np.nanmax(run.curves['test_accuracy'])),
    'outcome': _outcome,
  }
  return seeds.table('run', {run.name: run for run in sorted(runs)}, columns)


def _outcome(run: Run) -> str:
  if run.summary['diverged']:
    first, last = run.summary['diverged_between_steps']
    return f'diverges between steps {first:,} and {last:,}'
  return 'stays at chance' if family.is_at_chance(run) else 'trains'


def _of(network: str, evidence: Evidence) -> list[Run]:
  runs = stages.needed(evidence, STAGE)
  return [run for run in runs if run.config['network'] == network]


def never_above_chance(evidence: Evidence) -> Finding:
  """Claim 14: the highest evaluation of all, with its interval over images.

  It was chosen among many, which works against the claim.
  """
  runs = _of(SIGMOIDS, evidence)
  best, chance = max(map(family.best, runs)), family.chance(runs[0])
  images = family.VALIDATION_IMAGES
  share = intervals.of_share(round(best * images), images)
  above = [100 * (value - chance) for value in share]
  ended = [r for r in runs if not r.summary['diverged']]
  length = min((run.summary['num_steps'] for run in ended), default=STEPS_OF_NEVER)
  short = f'{length:,} steps cannot show "never", which asks for {STEPS_OF_NEVER:,}'
  return Finding(
    effects.between(*above, "Wilson's interval"), len(runs), 'runs',
    f'accuracy is {rounded(best)} at most, in {length:,} steps; chance is '
    f'{rounded(chance, 0)}; {len(runs) - len(ended)} of {len(runs)} runs diverged',
    too_little=short if length < STEPS_OF_NEVER else '', runs=runs,
  )  # fmt: skip


def diverges_without_he(evidence: Evidence) -> Finding:
  """Claim 15: the share of seeds that diverge, of the initial weights with most.

  At five times Inception's learning rate, of three kinds of initial weights: He's came
  after the network and are not counted. Where some seeds of a kind diverge and others
  do not, the share lies between 0 and 1, so that no verdict follows.
  """
  runs = _of(PLAIN, evidence)
  kinds: dict[str, list[bool]] = {}
  for run in runs:
    kind, _, times = run.name.partition('_seed')[0].rpartition('_x')
    if int(times) == TIMES:
      kinds.setdefault(kind, []).append(run.summary['diverged'])
  others = [np.mean(seeds_of) for kind, seeds_of in kinds.items() if kind != HE]
  share = float(max(others))
  bounds = (share, share) if share in (0, 1) else (0.0, 1.0)
  numbers = ', '.join(f'{k} {sum(seeds)} of {len(seeds)}' for k, seeds in kinds.items())
  chance = sum(family.is_at_chance(run) for run in runs if not run.summary['diverged'])
  return Finding(
    effects.between(share, *bounds, 'counted'), len(runs), 'runs',
    f'at {TIMES} times its learning rate diverge, by initial weights: {numbers}; of '
    f'all {len(runs)} runs {chance} stay at chance without diverging',
    runs=runs,
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {'14': never_above_chance, '15': diverges_without_he}

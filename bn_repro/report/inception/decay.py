"""Why BN-x5 falls short of the plain network here (claim 10), tried.

The other explanation, overfitting, shows in the accuracy on training images.
"""

from pathlib import Path

from bn_repro.intervals import Interval
from bn_repro.report import tables
from bn_repro.report.collect import Run
from bn_repro.report.inception import figures
from bn_repro.report.inception import runs as family
from bn_repro.report.inception.figure_3 import faster, maximum
from bn_repro.report.inception.runs import PLAIN

TEXT = """\
## Does the rate of BN-x5 fall too soon? (claim 10)

Section 4.2.1 lets it fall six times as fast, by epochs, and an epoch of Imagenette has
135 times fewer steps than one of ImageNet. So BN-x5 again, with the decay of the plain
network and all else as it was, and both for {budget}. The target of a seed is the
maximum of the plain network with that seed, as above; within {budget} that one reaches
{within}.

![Decay](decay.png)

Solid: validation images; dashed: training images, undistorted.

{table}

{finding}
"""


def text(networks: dict[str, list[Run]], runs: list[Run], results: Path) -> str:
  """The section, whose figure is drawn, too; '' unless both decays have a common seed.

  Args:
    networks: of figure 3.
    runs: with the slower decay, some seeds.
    results: the folder of the figure.
  """
  slow, usual = _of_common_seeds(runs, networks.get('bn_x5', []))
  if not family.pairs(networks[PLAIN], slow):
    return ''
  within = family.within_budget_of(slow, {PLAIN: networks[PLAIN], 'bn_x5': usual})
  usual = within['bn_x5']
  figures.decay(networks[PLAIN], usual, slow, results / 'decay.png')
  return TEXT.format(
    budget=slow[0].config['train_for'], within=maximum(within[PLAIN]),
    table=_table(networks[PLAIN], (usual, slow)),
    finding=_finding(networks, usual, slow),
  )  # fmt: skip


def _of_common_seeds(*groups: list[Run]) -> list[list[Run]]:
  """The runs of those seeds that all groups have."""
  seeds = set.intersection(*({run.config['seed'] for run in g} for g in groups))
  return [[run for run in group if run.config['seed'] in seeds] for group in groups]


def _table(plain, groups) -> str:
  head = ('BN-x5, its rate 4 % less every', 'seeds', 'maximum accuracy',
          'on training images', 'steps to the target', 'times fewer')  # fmt: skip
  rows = [
    (runs[0].config['learning_rate_decay_every'], str(len(runs)), maximum(runs),
     tables.percent(tables.over(runs, _on_training_images)),
     tables.steps(family.steps_to_target(plain, runs)),
     faster(family.speed_up(plain, runs)))
    for runs in groups
  ]  # fmt: skip
  return tables.markdown(head, rows)


def _on_training_images(run: Run) -> float:
  """The last accuracy on them, undistorted, 0 to 1."""
  return run.at_end('train_accuracy_undistorted')


def _finding(networks, usual, slow) -> str:
  """What the slower decay gives, and whether that explains claim 10."""
  more = family.more_accuracy(slow, usual, networks | {'slow': slow})
  found = family.speed_up(networks[PLAIN], slow)
  return (
    f'The slower decay gives {tables.points(more)}, and with it BN-x5 {_meets(found)}: '
    f'{_why(more, found)}.'
  )


def _meets(found: family.SpeedUp) -> str:
  """Whether, and how soon."""
  target = 'the maximum of the plain network'
  if not found.reached:
    return f'does not meet {target}'
  seeds = f' with {found.reached} of {found.seeds} seeds'
  return (
    f'meets {target} {tables.interval(found.ratio, "{:.3g}")} times sooner'
    f'{seeds if found.reached < found.seeds else ""}'
  )


def _why(more: Interval, found: family.SpeedUp) -> str:
  """The verdict on the decay."""
  if more.high <= 0:
    return 'no sign that the decay is the reason'
  if more.low <= 0:
    return 'whether the decay is the reason cannot be told from so few seeds'
  if found.reached < found.seeds:
    return 'the decay is a reason, perhaps not the only one'
  return 'the decay was what kept it below'

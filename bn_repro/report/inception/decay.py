"""Why BN-x5 falls short of the plain network here (claim 10), tried.

The other explanation, overfitting, shows in the accuracy on training images.
"""

from pathlib import Path

from bn_repro.intervals import Interval
from bn_repro.report import tables
from bn_repro.report.collect import Run
from bn_repro.report.inception import figures
from bn_repro.report.inception import runs as family
from bn_repro.report.inception.figure_3 import faster, maximum, needed_steps
from bn_repro.report.inception.runs import PLAIN

TEXT = """\
## Does the rate of BN-x5 fall too soon? (claim 10)

Section 4.2.1 lets it fall six times as fast, by epochs, and an epoch of Imagenette has
135 times fewer steps than one of ImageNet. So BN-x5 again, with the decay of the plain
network and all else as it was; accuracy is that within {budget}. The target of a seed
is the maximum of the plain network with that seed, as above; within {budget} that one
reaches {within}.

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
  slow, usual = family.of_common_seeds(runs, networks.get('bn_x5', []))
  plain = networks[PLAIN]
  if not family.pairs(plain, slow):
    return ''
  within = family.within_budget_of(slow, {PLAIN: plain, 'bn_x5': usual})
  figures.decay(plain, within['bn_x5'], slow, results / 'decay.png')
  speed_ups = [family.speed_up(plain, group) for group in (usual, slow)]
  more = family.more_accuracy(slow, within['bn_x5'], networks | {'slow': slow})
  return TEXT.format(
    budget=slow[0].config['train_for'], within=maximum(within[PLAIN]),
    table=_table(plain, (usual, slow), (within['bn_x5'], slow), speed_ups),
    finding=_finding(more, *speed_ups),
  )  # fmt: skip


def _table(plain, groups, groups_within, speed_ups) -> str:
  """Steps of whole runs; the rest within the budget."""
  head = ('BN-x5, its rate 4 % less every', 'seeds', 'maximum accuracy',
          'on training images', 'steps to the target', 'times fewer')  # fmt: skip
  rows = [
    (runs[0].config['learning_rate_decay_every'], str(len(runs)), maximum(within),
     tables.percent(tables.over(within, _on_training_images)),
     needed_steps(plain, runs), faster(found))
    for runs, within, found in zip(groups, groups_within, speed_ups)
  ]  # fmt: skip
  return tables.markdown(head, rows)


def _on_training_images(run: Run) -> float:
  """The last accuracy on them, undistorted, 0 to 1."""
  return run.at_end('train_accuracy_undistorted')


def _finding(more, usual, slow) -> str:
  """What the slower decay gives, and whether that explains claim 10."""
  return (
    f'The slower decay gives {tables.points(more)}, and with it BN-x5 {_meets(slow)}: '
    f'{_why(more, usual, slow)}.'
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


def _why(more: Interval, usual: family.SpeedUp, slow: family.SpeedUp) -> str:
  """The verdict on the decay."""
  if more.high <= 0:
    return 'no sign that the decay is the reason'
  if more.low <= 0:
    return 'whether the decay is the reason cannot be told from so few seeds'
  if usual.reached or slow.reached < slow.seeds:
    return 'the decay is a reason, perhaps not the only one'
  return 'the decay was what kept it below'

"""Why BN-x5 falls short of the plain network here (claim 10), tried.

The other explanation, overfitting, shows in the accuracy on training images.
"""

from pathlib import Path

from bn_repro.report import tables
from bn_repro.report.collect import Run
from bn_repro.report.inception import figures
from bn_repro.report.inception import runs as family
from bn_repro.report.inception.figure_3 import faster
from bn_repro.report.inception.runs import PLAIN, best

TEXT = """\
## Does the rate of BN-x5 fall too soon? (claim 10)

Section 4.2.1 lets it fall six times as fast, by epochs, and an epoch of Imagenette has
135 times fewer steps than one of ImageNet. So BN-x5 again, with the decay of the plain
network and all else as it was, and both for {budget} with one seed. The target is the
maximum of the plain network after its {plain} steps, as above.

![Decay](decay.png)

{table}

{finding}
"""


def text(networks: dict[str, list[Run]], runs: list[Run], results: Path) -> str:
  """The section, whose figure is drawn, too; '' if either run is missing."""
  if not runs or 'bn_x5' not in networks:
    return ''
  (slow,) = runs
  usual, *_ = family.within_budget_of(runs, networks)['bn_x5']
  plain = networks[PLAIN]
  figures.decay(plain[0], usual, slow, results / 'decay.png')
  return TEXT.format(
    budget=slow.config['train_for'], plain=f'{plain[0].curves["step"][-1]:,.0f}',
    table=_table(plain, (usual, slow)), finding=_finding(plain, usual, slow),
  )  # fmt: skip


def _table(plain, runs) -> str:
  head = ('BN-x5, its rate 4 % less every', 'maximum accuracy', 'on training images',
          'steps to the target', 'times fewer')  # fmt: skip
  shown = lambda value: f'{value:.1%}'
  rows = [
    (run.config['learning_rate_decay_every'], shown(best(run)),
     shown(run.at_end('train_accuracy_undistorted')),
     tables.steps(family.steps_to_target(plain, [run])),
     faster(family.speed_up(plain, [run])))
    for run in runs
  ]  # fmt: skip
  return tables.markdown(head, rows)


def _finding(plain, usual, slow) -> str:
  gain, found = 100 * (best(slow) - best(usual)), family.speed_up(plain, [slow])
  if not found.reached:
    return (
      f'It gives {gain:+.1f} points, and BN-x5 still ends below the plain network: '
      'the decay is not the whole reason.'
    )
  return (
    f'It gives {gain:+.1f} points, and BN-x5 meets the maximum of the plain network '
    f'{faster(found)} times sooner: it was the decay, not the normalization.'
  )

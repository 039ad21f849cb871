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
maximum of the plain network after its {plain} steps, as above; within {budget} that one
reaches {within}.

![Decay](decay.png)

Solid: validation images; dashed: training images, undistorted.

{table}

{finding}
"""


def text(networks: dict[str, list[Run]], runs: list[Run], results: Path) -> str:
  """The section, whose figure is drawn, too; '' if either run is missing."""
  if not runs or 'bn_x5' not in networks:
    return ''
  (slow,) = runs
  plain, within = networks[PLAIN], family.within_budget_of(runs, networks)
  usual, *_ = within['bn_x5']
  figures.decay(plain[0], usual, slow, results / 'decay.png')
  return TEXT.format(
    budget=slow.config['train_for'], plain=f'{plain[0].curves["step"][-1]:,.0f}',
    within=tables.rounded(best(within[PLAIN][0])),
    table=_table(plain, (usual, slow)), finding=_finding(networks, usual, slow),
  )  # fmt: skip


def _table(plain, runs) -> str:
  head = ('BN-x5, its rate 4 % less every', 'maximum accuracy', 'on training images',
          'steps to the target', 'times fewer')  # fmt: skip
  rows = [
    (run.config['learning_rate_decay_every'], tables.rounded(best(run)),
     tables.rounded(run.at_end('train_accuracy_undistorted')),
     tables.steps(family.steps_to_target(plain, [run])),
     faster(family.speed_up(plain, [run])))
    for run in runs
  ]  # fmt: skip
  return tables.markdown(head, rows)


def _finding(networks, usual, slow) -> str:
  more = family.more_accuracy([slow], [usual], networks)
  found = family.speed_up(networks[PLAIN], [slow])
  gain = f'It gives {tables.points(more)}'
  if more.low <= 0:
    return (
      f'{gain}: no sign that the decay is the reason, within '
      f'{slow.config["train_for"]}.'
    )
  if not found.reached:
    return (
      f'{gain}, so the decay is a reason, and BN-x5 does not meet the maximum of the '
      f'plain network within {slow.config["train_for"]}: perhaps not the only one.'
    )
  return (
    f'{gain}, and BN-x5 meets the maximum of the plain network {faster(found)} times '
    'sooner: the decay was what kept it below.'
  )

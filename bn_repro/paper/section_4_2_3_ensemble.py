"""results/ensemble/README.md: figure 4 of the paper, small, and calibration beyond it.

Made from the runs of the six members of section 4.2.3 and what `python -m
bn_repro.evaluate` wrote of them, with one crop and with 144; nothing is measured here.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bn_repro.paper import section_4_2_3_figures as ensemble_figures
from bn_repro.paper.ledger import Evidence, Finding, Measure, Missing
from bn_repro.report import collect, commands, effects, pages, tables
from bn_repro.report.collect import Run
from bn_repro.report.tables import rounded

SWEEPS = ('ensemble',)
FILES = {1: '1_crop', 144: '144_crops'}
# Under runs/.
MEMBERS = [f'inception/ensemble/member_{member}' for member in range(1, 7)]
COST = 'imagenet_sample'
COMMAND = 'python -m bn_repro.evaluate --workdir=DIR,DIR,...'
# Of figure 4: members, crops, top-1 and top-5 accuracy on ImageNet's validation set.
PAPER = (
  (1, 1, 0.748, 0.9218),
  (1, 144, 0.7801, 0.9418),
  (6, 144, 0.799, 0.951),
)
WHAT = {
  'ensemble_1': 'larger initial weights',
  'ensemble_2': 'dropout 5 %',
  'ensemble_3': 'dropout 10 %',
  'ensemble_4': 'per-activation BN in row 5b',
  'ensemble_5': 'larger initial weights, dropout 5 %',
  'ensemble_6': 'larger initial weights, per-activation BN in row 5b, dropout 10 %',
}


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON files.

  Raises:
    UserError: an evaluation is not there.
  """
  by_crops = {
    crops: pages.read(results / f'{name}.json', f'{COMMAND} --crops={crops}')
    for crops, name in FILES.items()
  }
  cost = results / f'{COST}.json'
  cost = json.loads(cost.read_text()) if cost.exists() else None
  ensemble_figures.members(by_crops, results / 'members.png')
  ensemble_figures.reliability(predictions(by_crops), results / 'reliability.png')
  ensemble_figures.crops(results / 'crops.png')
  runs = [run for sweep in SWEEPS for run in collect.load(results, sweep)]
  (results / 'README.md').write_text(text(by_crops, runs, cost))


def predictions(by_crops: dict[int, dict]) -> dict[str, list[dict[str, Any]]]:
  """The scores of each way to predict, by its name: of each member, or of all."""
  named = {}
  for crops, page in by_crops.items():
    title = 'one crop' if crops == 1 else f'{crops} crops'
    named[f'one network, {title}'] = page['members']
    named[f'six networks, {title}'] = [page['ensemble']]
  return named


def text(
  by_crops: dict[int, dict], runs: list[Run], cost: dict[str, Any] | None
) -> str:
  """The page.

  Args:
    by_crops: the evaluations, by their number of crops.
    runs: of the members.
    cost: time and memory, if they were measured.
  """
  page = by_crops[144]
  return pages.render(
    'section_4_2_3_ensemble',
    page=page, member=page['members'][0], scores=_scores(by_crops),
    gains=_gains(by_crops), members=_members(by_crops),
    cost=cost, cost_table=_cost_table(cost) if cost else '',
    revision=tables.listed(runs, 'git_revision'), device=tables.listed(runs, 'device'),
    calibration=_calibration(by_crops), commands=_commands(),
    origin=pages.origin(page, *(member['checkpoint'] for member in page['members'])),
  )  # fmt: skip


def _scores(by_crops: dict[int, dict]) -> str:
  """Ours, and beneath each the paper's."""
  rows = []
  for members in (1, 6):
    for crops, page in by_crops.items():
      of_all = page['members'] if members == 1 else [page['ensemble']]
      kind = 'one network, mean of six' if members == 1 else 'ensemble of six'
      columns = (_accuracy(of_all, name) for name in ('top_1', 'top_5'))
      rows.append((f'**{kind}**', str(crops), *columns))
      shown = '{:.2f} %'.format
      rows += [
        ('in the paper, on ImageNet', str(c), shown(100 * top_1), shown(100 * top_5))
        for m, c, top_1, top_5 in PAPER
        if (m, c) == (members, crops)
      ]
  return tables.markdown(('', 'crops', 'top-1', 'top-5'), rows)


def _accuracy(scores: list[dict], name: str) -> str:
  """Of one prediction with its interval, or the mean over members with their range."""
  if len(scores) == 1:
    return tables.share(*(scores[0][name][v] for v in ('accuracy', 'low', 'high')))
  values = [100 * score[name]['accuracy'] for score in scores]
  return f'{np.mean(values):.2f} % ({min(values):.2f} to {max(values):.2f} by member)'


def _gains(by_crops: dict[int, dict]) -> dict[str, tuple[float, float]]:
  """Points that crops and members gain, here and in the paper."""
  ours = {}
  for crops, page in by_crops.items():
    members = [member['top_1']['accuracy'] for member in page['members']]
    ours[1, crops] = np.mean(members)
    ours[6, crops] = page['ensemble']['top_1']['accuracy']
  papers = {(members, crops): top_1 for members, crops, top_1, _ in PAPER}
  gain = lambda more, less: [
    100 * (top_1[more] - top_1[less]) for top_1 in (ours, papers) if more in top_1
  ]
  return {
    'crops': gain((1, 144), (1, 1)),
    'members': gain((6, 144), (1, 144)),
    'members_on_one_crop': gain((6, 1), (1, 1)),
  }


def _members(by_crops: dict[int, dict]) -> str:
  head = ('member', 'BN-x30 with', 'steps', 'top-1, one crop', 'top-1, 144 crops')
  pairs = zip(*(page['members'] for page in by_crops.values()))
  rows = [
    (one['network'], WHAT[one['network']], f'{one["step"]:,}',
     *(_accuracy([score], 'top_1') for score in (one, many)))
    for one, many in pairs
  ]  # fmt: skip
  return tables.markdown(head, rows)


def _calibration(by_crops: dict[int, dict]) -> str:
  rows = [
    (name,
     f'{100 * np.mean([s["expected_calibration_error"] for s in scores]):.1f} points',
     f'{np.mean([s["cross_entropy"] for s in scores]):.3f}')
    for name, scores in predictions(by_crops).items()
  ]  # fmt: skip
  return tables.markdown(
    ('predictions of', 'expected calibration error', 'cross-entropy'), rows
  )


def _cost_table(cost: dict[str, Any]) -> str:
  head = ('images', 'crops', 'different ones', 'seconds an image', 'peak memory')
  rows = [
    (str(row['images']), str(row['crops']), f'{row["different_crops"]:.1f}',
     f'{row["seconds_per_image"]:.2f}', f'{row["peak_bytes"] / 1e9:.1f} GB')
    for row in cost['rows']
  ]  # fmt: skip
  return tables.markdown(head, rows)


def evaluations() -> list[str]:
  """The commands that evaluate the members, trained, with one crop and with 144."""
  return [
    commands.evaluation(MEMBERS, crops, f'ensemble/{name}')
    for crops, name in FILES.items()
  ]


def _commands() -> str:
  return commands.block(
    commands.inception('ensemble'),
    *evaluations(),
    'python scripts/multi_crop_cost.py --output=results/ensemble/imagenet_sample.json',
    'python scripts/report.py --report=ensemble --root=runs/inception '
    '--results=results/ensemble',
  )


def _evaluated(evidence: Evidence):
  return (evidence.page('ensemble', name) for name in ('1_crop', '144_crops'))


def _training(evidence: Evidence) -> list[Run]:
  """The runs of the six members, for their hours and revisions."""
  try:
    return evidence.runs('ensemble', 'ensemble')
  except Missing:
    return []


def more_crops(evidence: Evidence) -> Finding:
  """Claim 24."""
  one_crop, many_crops = _evaluated(evidence)
  gains = [
    100 * (many['top_1']['accuracy'] - one['top_1']['accuracy'])
    for one, many in zip(one_crop['members'], many_crops['members'])
  ]
  effect = effects.of_values(gains)
  return Finding(
    effect, len(gains), 'networks',
    f'144 crops ({many_crops["different_crops"]:g} different ones) gain '
    f'{effect.text("{:+.1f}", " points")} of top-1 accuracy over one; '
    'the six networks differ in more than their seed',
    runs=_training(evidence),
  )  # fmt: skip


def ensemble_of_six(evidence: Evidence) -> Finding:
  """Claim 25."""
  _, page = _evaluated(evidence)
  members = [member['top_1']['accuracy'] for member in page['members']]
  together, best = page['ensemble']['top_1']['accuracy'], max(members)
  images = page['ensemble']['examples']
  effect = effects.scaled(effects.of_two_shares(together, best, images), 100)
  return Finding(
    effect, images, 'images',
    f'six networks on 144 crops reach {rounded(together)}, '
    f'{effect.text("{:+.1f}", " points")} over the best of the six '
    f'and {100 * (together - np.mean(members)):+.1f} over their mean; the paper '
    'compares with one network of its own kind',
    runs=_training(evidence),
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {'24': more_crops, '25': ensemble_of_six}

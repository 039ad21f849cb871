"""results/ensemble/README.md: figure 4 of the paper, small, and calibration beyond it.

Made from the runs of the six members of section 4.2.3 and what `python -m
bn_repro.evaluate` wrote of them, with one crop and with 144; nothing is measured here.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bn_repro.paper import section_4_2_3_figures as ensemble_figures
from bn_repro.paper.ledger import Evidence, Finding, Measure, runs_if_any
from bn_repro.report import collect, commands, effects, pages, seeds, tables
from bn_repro.report.tables import rounded

SWEEPS = ('ensemble',)
FILES = {1: '1_crop', 144: '144_crops'}
# Under runs/.
MEMBERS = [f'inception/ensemble/member_{member}' for member in range(1, 7)]
COMMAND = 'python -m bn_repro.evaluate --workdir=DIR,DIR,...'
# Of figure 4, by members and crops: top-1 and top-5 accuracy on ImageNet.
PAPER = {(1, 1): (0.748, 0.9218), (1, 144): (0.7801, 0.9418), (6, 144): (0.799, 0.951)}
WHAT = {
  'ensemble_1': 'larger initial weights',
  'ensemble_2': 'dropout 5 %',
  'ensemble_3': 'dropout 10 %',
  'ensemble_4': 'per-activation BN in row 5b',
  'ensemble_5': 'larger initial weights, dropout 5 %',
  'ensemble_6': 'larger initial weights, per-activation BN in row 5b, dropout 10 %',
}
# The evaluations, by their number of crops.
Pages = dict[int, dict[str, Any]]


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON files."""
  by_crops = {
    crops: pages.read(results / f'{name}.json', f'{COMMAND} --crops={crops}')
    for crops, name in FILES.items()
  }
  ensemble_figures.members(by_crops, results / 'members.png')
  ensemble_figures.reliability(predictions(by_crops), results / 'reliability.png')
  ensemble_figures.crops(results / 'crops.png')
  cost = results / 'imagenet_sample.json'
  evaluations = [
    commands.evaluation(MEMBERS, crops, f'ensemble/{name}')
    for crops, name in FILES.items()
  ]
  summaries = [run.summary for run in collect.load(results, 'ensemble')]
  page, members = by_crops[144], by_crops[144]['members']
  text = pages.render(
    'section_4_2_3_ensemble',
    page=page, member=members[0], scores=_scores(by_crops), gains=_gains(by_crops),
    members=_members(by_crops), calibration=_calibration(by_crops),
    cost=cost.exists() and json.loads(cost.read_text()), cost_table=_cost_table,
    revision=tables.each(summaries, 'git_revision'),
    device=tables.each(summaries, 'device'),
    commands=commands.block(commands.inception('ensemble'), *evaluations),
    origin=tables.origin_of([page], *(member['checkpoint'] for member in members)),
  )  # fmt: skip
  (results / 'README.md').write_text(text)


def scores_of(by_crops: Pages) -> dict[tuple[int, int], list[dict[str, Any]]]:
  """The scores of each way to predict, by members and crops: of each member, or one."""
  scores = {}
  for crops, page in by_crops.items():
    scores |= {(1, crops): page['members'], (6, crops): [page['ensemble']]}
  return scores


def predictions(by_crops: Pages) -> dict[str, list[dict[str, Any]]]:
  """The same by names, such as 'six networks, 144 crops'."""
  networks = {1: 'one network', 6: 'six networks'}
  titles = {crops: 'one crop' if crops == 1 else f'{crops} crops' for crops in by_crops}
  return {
    f'{networks[members]}, {titles[crops]}': scores
    for (members, crops), scores in scores_of(by_crops).items()
  }


def _scores(by_crops: Pages) -> str:
  rows, names = [], {1: '**one network, mean of six**', 6: '**ensemble of six**'}
  for (members, crops), scores in sorted(scores_of(by_crops).items()):
    ours = (_accuracy(scores, top) for top in ('top_1', 'top_5'))
    rows.append((names[members], str(crops), *ours))
    if papers := PAPER.get((members, crops)):
      shown = (rounded(share, 2) for share in papers)
      rows.append(('in the paper, on ImageNet', str(crops), *shown))
  return tables.markdown(('', 'crops', 'top-1', 'top-5'), rows)


def _accuracy(scores: list[dict], name: str) -> str:
  """Of one prediction with its interval, or the mean over members with their range."""
  if len(scores) == 1:
    return tables.share(*(scores[0][name][v] for v in ('accuracy', 'low', 'high')))
  values = [100 * score[name]['accuracy'] for score in scores]
  return f'{np.mean(values):.2f} % ({min(values):.2f} to {max(values):.2f} by member)'


def _top_1(scores: list[dict]) -> list[float]:
  return [score['top_1']['accuracy'] for score in scores]


def _gains(by_crops: Pages) -> dict[str, list[float]]:
  """Points that crops and members gain, here and in the paper."""
  papers = {key: top_1 for key, (top_1, _) in PAPER.items()}
  ours = {key: np.mean(_top_1(of_one)) for key, of_one in scores_of(by_crops).items()}
  gain = lambda more, less: [
    100 * (top_1[more] - top_1[less]) for top_1 in (ours, papers) if more in top_1
  ]
  return {
    'crops': gain((1, 144), (1, 1)),
    'members': gain((6, 144), (1, 144)),
    'members_on_one_crop': gain((6, 1), (1, 1)),
  }


def _members(by_crops: Pages) -> str:
  head = ('member', 'BN-x30 with', 'steps', 'top-1, one crop', 'top-1, 144 crops')
  rows = []
  for both in zip(*(page['members'] for page in by_crops.values())):
    network, steps = both[0]['network'], f'{both[0]["step"]:,}'
    accuracies = (_accuracy([score], 'top_1') for score in both)
    rows.append((network, WHAT[network], steps, *accuracies))
  return tables.markdown(head, rows)


def _calibration(by_crops: Pages) -> str:
  # What is not finite is null in JSON, and nan in the table.
  mean = lambda scores, name: np.array([s[name] for s in scores], float).mean()
  columns = {
    'expected calibration error':
      lambda scores: f'{100 * mean(scores, "expected_calibration_error"):.1f} points',
    'cross-entropy': lambda scores: f'{mean(scores, "cross_entropy"):.3f}',
  }  # fmt: skip
  return seeds.table('predictions of', predictions(by_crops), columns)


def _cost_table(rows: list[dict[str, Any]]) -> str:
  head = ('images', 'crops', 'different ones', 'seconds an image', 'peak memory')
  return tables.markdown(head, [
    (str(row['images']), str(row['crops']), f'{row["different_crops"]:.1f}',
     f'{row["seconds_per_image"]:.2f}', f'{row["peak_bytes"] / 1e9:.1f} GB')
    for row in rows
  ])  # fmt: skip


def _evaluated(evidence: Evidence) -> list[dict[str, Any]]:
  return [evidence.page('ensemble', name) for name in FILES.values()]


def more_crops(evidence: Evidence) -> Finding:
  """Claim 24."""
  one_crop, many_crops = _evaluated(evidence)
  accuracies = zip(_top_1(one_crop['members']), _top_1(many_crops['members']))
  effect = effects.of_values([100 * (many - one) for one, many in accuracies])
  return Finding(
    effect, len(one_crop['members']), 'networks',
    f'144 crops ({many_crops["different_crops"]:g} different ones) gain '
    f'{effect.text("{:+.1f}", " points")} of top-1 accuracy over one; '
    'the six networks differ in more than their seed',
    runs=runs_if_any(evidence, 'ensemble', 'ensemble'),
  )  # fmt: skip


def ensemble_of_six(evidence: Evidence) -> Finding:
  """Claim 25."""
  _, page = _evaluated(evidence)
  members, (together,) = _top_1(page['members']), _top_1([page['ensemble']])
  images = page['ensemble']['examples']
  gain = effects.of_two_shares(together, max(members), images)
  effect = effects.scaled(gain, 100)
  return Finding(
    effect, images, 'images',
    f'six networks on 144 crops reach {rounded(together)}, '
    f'{effect.text("{:+.1f}", " points")} over the best of the six '
    f'and {100 * (together - np.mean(members)):+.1f} over their mean; the paper '
    'compares with one network of its own kind',
    runs=runs_if_any(evidence, 'ensemble', 'ensemble'),
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {'24': more_crops, '25': ensemble_of_six}

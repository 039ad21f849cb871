"""Claims on evaluation: crops, ensembles, distributions, shifted data."""

import numpy as np

from bn_repro.paper import section_3_1_population as population
from bn_repro.paper.ledger import Evidence, Finding, Measure, Missing
from bn_repro.paper.section_3_2_placement import of_side
from bn_repro.report import effects
from bn_repro.report.collect import Run
from bn_repro.report.tables import rounded

_NETWORKS = ('inception', 'bn_x30')
_LOST_ENOUGH = 1.0  # points; the recovered share of less is noise


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


def ensemble(evidence: Evidence) -> Finding:
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


def not_sparse(evidence: Evidence) -> Finding:
  """Claim 29."""
  rows = {
    name: of_side(evidence.page('analysis', f'nonlinearity_inputs_{name}'), 'input')
    for name in _NETWORKS
  }
  near = {name: [100 * row['near_zero'] for row in of] for name, of in rows.items()}
  more = max(near, key=lambda name: np.mean(near[name]))
  worst = {name: max(of, key=lambda row: row['near_zero']) for name, of in rows.items()}
  most = {name: rounded(row['near_zero'], 0) for name, row in worst.items()}
  effect = effects.of_values(near[more])
  return Finding(
    effect, len(near[more]), 'layers',
    f'{effect.text("{:.1f}", " %")} of the inputs of a layer are '
    f'within a tenth of a standard deviation of 0, of a Gaussian 8 %; the most in one '
    f'layer is {most["inception"]} without BN and {most["bn_x30"]} with it '
    f'({worst["bn_x30"]["layer"]})',
  )  # fmt: skip


def shifted(evidence: Evidence) -> Finding:
  """Claim 30."""
  page = evidence.page('population', 'shifted_data')
  (usual,) = (row for row in page['rows'] if row['amount'] is None)
  shares = [
    100 * (row['right_after'] - row['right_before']) / lost
    for row in page['rows']
    if (lost := usual['right_before'] - row['right_before'])
    >= _LOST_ENOUGH / 100 * row['images']
  ]
  effect = effects.of_values(shares)
  return Finding(
    effect, len(shares), 'shifts of one network',
    f'new statistics recover {effect.text("{:.0f}", " %")} of what a '
    f'shift costs; {population.finding(page["rows"])}',
  )  # fmt: skip


MEASURES: dict[str, Measure] = {
  '24': more_crops, '25': ensemble, '29': not_sparse, '30': shifted,
}  # fmt: skip

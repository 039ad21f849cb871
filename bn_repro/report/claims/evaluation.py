"""Claims on evaluation: crops, ensembles, distributions, shifted data."""

import numpy as np

from bn_repro.analysis.nonlinearity_inputs import of_side
from bn_repro.intervals import of_mean
from bn_repro.report import commands, population
from bn_repro.report.claims.figure_3 import out_of_reach
from bn_repro.report.claims.ledger import (
  SCALED,
  UNTESTABLE,
  Claim,
  Evidence,
  Finding,
  exactly,
)
from bn_repro.report.ensemble import evaluations
from bn_repro.report.tables import interval, rounded

_ENSEMBLE = ' && '.join([commands.inception('ensemble'), *evaluations()])
_NETWORKS = ('inception', 'bn_x30')
GAUSSIAN = 0.08  # of values within a tenth of its deviation of 0


def _evaluated(evidence: Evidence):
  return (evidence.page('ensemble', name) for name in ('1_crop', '144_crops'))


def more_crops(evidence: Evidence) -> Finding:
  """Claim 24."""
  pairs = zip(*(page['members'] for page in _evaluated(evidence)))
  gains = [100 * (many['top_1']['accuracy'] - one['top_1']['accuracy'])
           for one, many in pairs]  # fmt: skip
  gain = of_mean(gains)
  return Finding(
    gain.low > 0, gain, 'points of top-1', len(gains), 'networks',
    f'144 crops gain {interval(gain, "{:+.1f}")} points of top-1 over one (in the '
    'paper +3.2)',
  )  # fmt: skip


def ensemble(evidence: Evidence) -> Finding:
  """Claim 25."""
  _, page = _evaluated(evidence)
  singles = [100 * member['top_1']['accuracy'] for member in page['members']]
  together = 100 * page['ensemble']['top_1']['accuracy']
  gain = together - np.mean(singles)
  return Finding(
    together > max(singles), exactly(float(gain)), 'points of top-1',
    page['ensemble']['examples'], 'images',
    f'six networks on 144 crops: {together:.1f} %, {gain:+.1f} points over the mean of '
    'the six (in the paper +1.9)',
  )  # fmt: skip


def not_sparse(evidence: Evidence) -> Finding:
  """Claim 29."""
  rows = {
    name: of_side(evidence.page('analysis', f'nonlinearity_inputs_{name}'), 'input')
    for name in _NETWORKS
  }
  near = {name: [row['near_zero'] for row in of] for name, of in rows.items()}
  worst = {name: max(of, key=lambda row: row['near_zero']) for name, of in rows.items()}
  most = {name: rounded(row['near_zero'], 0) for name, row in worst.items()}
  every = [value for values in near.values() for value in values]
  middle = float(np.median(every))
  return Finding(
    all(np.median(values) < 2 * GAUSSIAN for values in near.values()),
    exactly(100 * middle), '% near 0', len(every), 'layers',
    f'{rounded(middle, 0)} of inputs are within a tenth of a deviation of 0, as of a '
    f'Gaussian (8 %); the most in one layer is {most["inception"]} without BN and '
    f'{most["bn_x30"]} with it ({worst["bn_x30"]["layer"]})',
  )  # fmt: skip


def shifted(evidence: Evidence) -> Finding:
  """Claim 30."""
  page = evidence.page('population', 'shifted_data')
  rows = [row for row in page['rows'] if row['amount'] is not None]
  gains = [100 * (r['right_after'] - r['right_before']) / r['images'] for r in rows]
  better = np.mean([gain > 0 for gain in gains])
  return Finding(
    bool(np.mean(gains) > 0 and better >= 2 / 3), exactly(float(np.mean(gains))),
    'points on average', len(rows), 'shifts', population.finding(page['rows']),
  )  # fmt: skip


CLAIMS = (
  Claim(
    24, 'figure 4', 'Averaging over 144 crops lowers the top-1 error of one network '
    'from 25.2 to 22.0 %.', 'configs/ensemble.py', _ENSEMBLE,
    'more top-1 accuracy with 144 crops, beyond its interval over six networks',
    SCALED, more_crops,
  ),
  Claim(
    25, 'section 4.2.3, figure 4',
    'An ensemble of six with 144 crops lowers it to 20.1 %, and '
    'top-5 to 4.9 %, the best published then.', 'configs/ensemble.py', _ENSEMBLE,
    'the ensemble is better than each of its members', SCALED, ensemble,
  ),
  Claim(
    26, 'section 4.2.3',
    'Each member of the ensemble peaks after about 6 million steps.',
    'configs/ensemble.py', commands.inception('ensemble'), '', UNTESTABLE,
    out_of_reach('a number of steps on ImageNet, 150 times over its 1.28 million '
                 'images'),
  ),
  Claim(
    29, 'section 5',
    'Inputs of nonlinearities are not sparse, neither with BN nor without.',
    'bn_repro/analysis/nonlinearity_inputs.py',
    commands.analysis(
      'nonlinearity_inputs', 'inception/networks/bn_x30_seed0',
      'analysis/nonlinearity_inputs_bn_x30',
    ),
    'the median over layers is below twice the 8 % of a Gaussian, in both networks',
    SCALED, not_sparse,
  ),
  Claim(
    30, 'section 5',
    'New population statistics may be enough for a network to generalize to '
    'shifted data (future work).', 'bn_repro/analysis/shifted_data.py',
    commands.analysis(
      'shifted_data', 'inception/networks/bn_x5_seed0', 'population/shifted_data'
    ),
    'accuracy rises on average and with two shifts of three', SCALED, shifted,
  ),
)  # fmt: skip

"""Section 3: identities of batch normalization (claims 5, 6 and 7)."""

from typing import Any

from bn_repro.paper.ledger import Evidence, Finding, Measure
from bn_repro.report import effects
from bn_repro.report.tables import markdown

WHAT = {
  'identity': 'gamma = sqrt(var + epsilon), beta = mean: inputs of the sigmoids off by',
  'batch_mates': 'alone or among others: logits at inference off by',
  'folded': 'BN folded into the layer before: logits off by',
  'bias': 'gradient of a bias under BN, relative to that of beta',
}


def table(page: dict[str, Any]) -> str:
  """The largest deviation of each identity."""
  rows = [
    (str(row['claim']), WHAT[row['name']], f'{row["deviation"]:.1e}')
    for row in page['rows']
  ]
  return markdown(('claim', 'what', 'largest deviation'), rows)


def identity(*names: str) -> Measure:
  """The measure of a claim: the largest deviation of these identities."""

  def measure(evidence: Evidence) -> Finding:
    page = evidence.page('analysis', 'identities')
    worst = max(row['deviation'] for row in page['rows'] if row['name'] in names)
    text = f'the largest deviation is {worst:.0e}'
    return Finding(effects.exactly(worst), page['images'], 'images', text)

  return measure


CLAIMS: dict[str, Measure] = {
  '5': identity('identity'),
  '6': identity('batch_mates', 'folded'),
}

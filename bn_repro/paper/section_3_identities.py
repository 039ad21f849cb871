"""Section 3: what holds of batch normalization exactly (claims 5, 6 and 7)."""

from typing import Any

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

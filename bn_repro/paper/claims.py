"""Writes results/claims.json and, from it, results/claims.md: all thirty claims."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bn_repro.paper import (
  ledger,
  section_2_bias,
  section_3_1_population,
  section_3_2_placement,
  section_3_3_scale,
  section_3_identities,
  section_4_1_covariate_shift,
  section_4_1_figure_1,
  section_4_2_1_changes,
  section_4_2_3_ensemble,
  section_4_2_figure_3,
  section_4_2_rates,
)
from bn_repro.paper.ledger import Claim, Evidence, Finding, Measure, Missing
from bn_repro.report import pages, tables

# Each has `CLAIMS`: what measures a claim, by its key in claims.toml.
SECTIONS = (
  section_2_bias, section_3_identities, section_3_1_population, section_3_2_placement,
  section_3_3_scale, section_4_1_figure_1, section_4_2_figure_3, section_4_2_rates,
  section_4_2_1_changes, section_4_2_3_ensemble, section_4_1_covariate_shift,
)  # fmt: skip
MEASURES: dict[str, Measure] = {
  key: measure for section in SECTIONS for key, measure in section.CLAIMS.items()
}
# Where a reader finds what measures a claim: `file:function`.
COMPUTED_BY = {
  key: f'{m.__module__.replace(".", "/")}.py:{m.__qualname__.partition(".")[0]}'
  for key, m in MEASURES.items()
}
NAME = 'claims.json'


def entries(results: Path) -> list[dict[str, Any]]:
  """Every claim with what was measured and its verdict, in the order of claims.toml."""
  claims = ledger.read_claims()
  evidence = [Evidence(results) for _ in claims]
  findings = [*map(_finding, claims, evidence)]
  p_values = [*map(_p_value, claims, findings)]
  adjusted = ledger.holm(
    [p if claim.primary else math.nan for claim, p in zip(claims, p_values)]
  )
  return [*map(_entry, claims, findings, evidence, p_values, adjusted)]


def _finding(claim: Claim, evidence: Evidence) -> Finding:
  if claim.kind == ledger.OUT_OF_SCOPE:
    return Finding(None, 0, '', 'ImageNet and millions of steps are out of scope')
  try:
    return MEASURES[claim.key](evidence)
  except Missing as missing:
    return Finding(None, 0, '', f'not there yet: {missing}')


def _p_value(claim: Claim, finding: Finding) -> float:
  """NaN where there is no test, or no verdict can follow from it."""
  if finding.effect is None or finding.too_little:
    return math.nan
  return ledger.p_value(claim, finding.effect)


def _entry(
  claim: Claim, finding: Finding, evidence: Evidence, p: float, adjusted_p: float
) -> dict[str, Any]:
  """A claim as JSON: the columns of claims.schema.json."""
  columns = dataclasses.asdict(claim)
  del columns['kind'], columns['withheld']
  value, low, high, test, *_ = finding.effect or (math.nan, math.nan, math.nan, None)
  summaries = {run.name: run.summary for run in finding.runs}.values()
  hours = sum(summary['wall_seconds'] for summary in summaries) / 3600
  remarks = (finding.text, finding.too_little, claim.withheld)
  return columns | {
    'value': _digits(value), 'low': _digits(low), 'high': _digits(high), 'test': test,
    'p': _digits(p), 'adjusted_p': _digits(adjusted_p),
    'n': finding.number, 'n_counts': finding.counts,
    'computed_by': COMPUTED_BY.get(claim.key),
    'files': evidence.files if finding.effect else [],
    'hours': _digits(hours) if summaries else None,
    'revisions': sorted({summary['git_revision'] for summary in summaries}),
    'verdict': ledger.verdict(claim, finding),
    'measured': '; '.join(filter(None, remarks)),
  }  # fmt: skip


def _digits(value: float) -> float | None:
  """Six significant digits; JSON has neither NaN nor infinity."""
  return float(f'{value:.6g}') if math.isfinite(value) else None


def write(results: Path) -> None:
  """Writes `claims.json` and `claims.md` into the folder of all results."""
  claims = entries(results)
  lines = ',\n'.join(json.dumps(entry, ensure_ascii=False) for entry in claims)
  (results / NAME).write_text(f'[\n{lines}\n]\n')
  (results / 'claims.md').write_text(text(claims))


def text(claims: list[dict[str, Any]]) -> str:
  """The page."""
  head = ('', 'claim', 'paper', 'ours (interval)', 'margin', 'n', 'p, adjusted',
          'verdict')  # fmt: skip
  return pages.render(
    'claims', verdicts=by_verdict(claims), claims=claims, margin=margin,
    table=tables.markdown(head, map(_row, claims)),
  )  # fmt: skip


def headline(results: Path) -> str:
  """The table of the project's README: how many claims have each verdict, and which."""
  claims = json.loads((results / NAME).read_text())
  rows = (
    [verdict, f'{len(keys)}', ', '.join(keys)] for verdict, keys in by_verdict(claims)
  )
  return tables.markdown(('verdict', 'claims and parts', 'which'), rows)


def by_verdict(claims: Sequence[dict[str, Any]]) -> list[tuple[str, list[str]]]:
  """The keys of the claims, such as '12a', that have each verdict, if any has."""
  keys = {verdict: [] for verdict in ledger.VERDICTS}
  for entry in claims:
    keys[entry['verdict']].append(f'{entry["number"]}{entry["part"]}')
  return [(verdict, some) for verdict, some in keys.items() if some]


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
  paper = '' if entry['paper'] is None else f'{entry["paper"]:g} {entry["unit"]}'
  p = entry['adjusted_p'] if entry['primary'] else entry['p']
  p_text = '' if p is None else f'{p:.2g}' if p >= 1e-4 else '< 0.0001'
  return (
    f'{entry["number"]}{entry["part"]}', entry['claim'], paper.strip(),
    with_interval(entry), margin(entry), f'{entry["n"]:,}' if entry['n'] else '',
    p_text + (' *' if p_text and entry['primary'] else ''), entry['verdict'],
  )  # fmt: skip


def with_interval(entry: dict[str, Any]) -> str:
  """Such as '5.6 (4.5 to 6.9) times', or 'at most 2.2 times' without a lower end."""
  value, low, high = (entry[name] for name in ('value', 'low', 'high'))
  unit = f' {entry["unit"]}' if entry['unit'] else ''
  if low == high:
    return '' if value is None else f'{value:.3g}{unit}'
  if high is None and not low:
    return 'not bounded'
  if not low:
    return f'at most {high:.3g}{unit}'
  if high is None:
    return f'at least {low:.3g}{unit}'
  return f'{value:.3g} ({low:.3g} to {high:.3g}){unit}'


def margin(entry: dict[str, Any]) -> str:
  """Such as '> 2' or '± 1'; '' without a margin."""
  if entry['margin'] is None:
    return ''
  sign = {ledger.ABOVE: '>', ledger.BELOW: '<', ledger.WITHIN: '±'}[entry['side']]
  return f'{sign} {entry["margin"]:g}'

"""Writes results/claims.json and, from it, results/claims.md: all thirty claims."""

import functools
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
from bn_repro.paper.ledger import (
  ABOVE,
  UNTRIED,
  VERDICTS,
  WITHIN,
  Claim,
  Evidence,
  Finding,
  Measure,
  Missing,
)
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
# Where a reader finds what measures a claim.
FILES = {
  key: f'{section.__name__.replace(".", "/")}.py'
  for section in SECTIONS
  for key in section.CLAIMS
}
NAME = 'claims.json'


@functools.cache
def all_claims() -> list[Claim]:
  """Those of claims.toml; raises UserError as `ledger.read_claims`."""
  return ledger.read_claims()


def entries(results: Path) -> list[dict[str, Any]]:
  """Every claim with what was measured and its verdict, in the order of claims.toml."""
  claims = all_claims()
  evidence = [Evidence(results) for _ in claims]
  findings = [*map(_finding, claims, evidence)]
  p_values = [*map(_p_value, claims, findings)]
  adjusted = ledger.holm(
    [p if claim.primary else math.nan for claim, p in zip(claims, p_values)]
  )
  return [*map(_entry, claims, findings, evidence, p_values, adjusted)]


def _finding(claim: Claim, evidence: Evidence) -> Finding | Missing:
  if claim.kind == ledger.OUT_OF_SCOPE:
    return Finding(None, 0, '', 'ImageNet and millions of steps are out of scope')
  try:
    return MEASURES[claim.key](evidence)
  except Missing as missing:
    return missing


def _p_value(claim: Claim, finding: Finding | Missing) -> float:
  """NaN where there is no test, or no verdict can follow from it."""
  if isinstance(finding, Missing) or finding.effect is None or finding.too_little:
    return math.nan
  return ledger.p_value(claim, finding.effect)


def _entry(
  claim: Claim, finding: Finding | Missing, evidence: Evidence, p: float,
  adjusted_p: float,
) -> dict[str, Any]:  # fmt: skip
  """A claim as JSON: the columns of claims.schema.json."""
  entry = {
    'number': claim.number, 'part': claim.part, 'section': claim.section,
    'claim': claim.text, 'effect': claim.effect, 'unit': claim.unit,
    'paper': claim.paper, 'margin': claim.margin, 'side': claim.side,
    'margin_reason': claim.reason, 'primary': claim.primary,
    'experiment': claim.experiment, 'command': claim.command,
  }  # fmt: skip
  if isinstance(finding, Missing):
    nothing = dict.fromkeys(('value', 'low', 'high', 'test', 'p', 'adjusted_p'))
    return entry | nothing | {
      'n': 0, 'n_counts': '', 'files': [], 'hours': None, 'revisions': [],
      'verdict': UNTRIED, 'measured': f'not there yet: {finding}',
    }  # fmt: skip
  return entry | _numbers(finding) | {
    'p': _digits(p), 'adjusted_p': _digits(adjusted_p),
    'n': finding.number, 'n_counts': finding.counts, 'files': evidence.files,
    **_origin(finding),
    'verdict': ledger.verdict(claim, finding),
    'measured': _measured(claim, finding),
  }  # fmt: skip


def _measured(claim: Claim, finding: Finding) -> str:
  parts = (finding.text, finding.too_little, claim.withheld)
  return '; '.join(part for part in parts if part)


def _numbers(finding: Finding) -> dict[str, Any]:
  if (effect := finding.effect) is None:
    return dict.fromkeys(('value', 'low', 'high', 'test'))
  numbers = {name: _digits(getattr(effect, name)) for name in ('value', 'low', 'high')}
  return numbers | {'test': effect.test}


def _origin(finding: Finding) -> dict[str, Any]:
  """Hours of the runs that the effect was computed from, and their revisions."""
  summaries = {run.name: run.summary for run in finding.runs}.values()
  hours = sum(summary['wall_seconds'] for summary in summaries) / 3600
  revisions = sorted({summary['git_revision'] for summary in summaries})
  return {'hours': _digits(hours) if summaries else None, 'revisions': revisions}


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
  sections = [entry | _begun(entry) | {'beyond': _margin(entry)} for entry in claims]
  return pages.render(
    'claims',
    summary=summary(claims),
    table=_table(claims),
    claims=sections,
    files=FILES,
  )


def _begun(entry: dict[str, Any]) -> dict[str, str]:
  """What begins a sentence, with a capital letter and without the full stop."""
  return {
    name: entry[name][:1].upper() + entry[name][1:].removesuffix('.')
    for name in ('section', 'verdict', 'measured')
  }


def summary(claims: Sequence[dict[str, Any]]) -> str:
  """How many claims have each verdict, and which."""
  lines = []
  for verdict in VERDICTS:
    keys = [f'{e["number"]}{e["part"]}' for e in claims if e['verdict'] == verdict]
    if keys:
      lines.append(f'- **{verdict}**: {len(keys)} ({", ".join(keys)})')
  return '\n'.join(lines)


def _table(claims: list[dict[str, Any]]) -> str:
  head = ('', 'claim', 'paper', 'ours (95 % interval)', 'margin', 'n', 'p, adjusted',
          'verdict')  # fmt: skip
  return tables.markdown(head, map(_row, claims))


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
  paper = '' if entry['paper'] is None else f'{entry["paper"]:g} {entry["unit"]}'
  p = entry['adjusted_p'] if entry['primary'] else entry['p']
  p_text = '' if p is None else f'{p:.2g}' if p >= 1e-4 else '< 0.0001'
  return (
    f'{entry["number"]}{entry["part"]}', entry['claim'], paper.strip(),
    _with_interval(entry), _margin(entry), f'{entry["n"]:,}' if entry['n'] else '',
    p_text + (' *' if p_text and entry['primary'] else ''), entry['verdict'],
  )  # fmt: skip


def _with_interval(entry: dict[str, Any]) -> str:
  """Such as '5.6 (4.5 to 6.9) times', or 'at most 2.2 times' without a lower end."""
  value, low, high = entry['value'], entry['low'], entry['high']
  unit = f' {entry["unit"]}' if entry['unit'] else ''
  if value is None and low is None and high is None:
    return ''
  if low == high or (low is None and high is None):
    return f'{value:.3g}{unit}'
  if low is None or not low:
    return f'at most {high:.3g}{unit}'
  if high is None:
    return f'at least {low:.3g}{unit}'
  return f'{value:.3g} ({low:.3g} to {high:.3g}){unit}'


def _margin(entry: dict[str, Any]) -> str:
  if entry['margin'] is None:
    return ''
  sign = {ABOVE: '>', WITHIN: '±'}.get(entry['side'], '<')
  return f'{sign} {entry["margin"]:g}'

"""Writes results/claims.json and, from it, results/claims.md: all thirty claims."""

import dataclasses
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
  section_4_2_1_stage_3,
  section_4_2_3_ensemble,
  section_4_2_figure_3,
  section_4_2_rates,
  section_4_2_stage_2a,
  section_4_2_stage_2b,
  section_4_2_stage_4,
  stages,
)
from bn_repro.paper.ledger import Claim, Evidence, Finding, Measure, Missing
from bn_repro.report import collect, pages, tables
from bn_repro.report.tables import digits
from bn_repro.run.errors import UserError

# Each has `CLAIMS`: what measures a claim, by its key in claims.toml.
SECTIONS = (
  section_2_bias, section_3_identities, section_3_1_population, section_3_2_placement,
  section_3_3_scale, section_4_1_figure_1, section_4_2_figure_3, section_4_2_rates,
  section_4_2_stage_2a, section_4_2_1_changes, section_4_2_3_ensemble,
  section_4_1_covariate_shift,
)  # fmt: skip
MEASURES: dict[str, Measure] = {
  key: measure for section in SECTIONS for key, measure in section.CLAIMS.items()
}
# The same by whole stages of the protocol.
MEASURES_OF_STAGES: dict[str, Measure] = {
  **section_4_2_1_stage_3.CLAIMS, **section_4_2_stage_4.CLAIMS,
}  # fmt: skip
NAME = 'claims.json'


def entries(results: Path) -> list[dict[str, Any]]:
  """Every claim with what was measured and its verdict, in the order of claims.toml."""
  listed = ledger.read_claims()
  load = functools.cache(collect.load)
  evidence = [Evidence(results, load) for _ in listed]
  claims = [*map(decided, listed, evidence)]
  findings = [*map(finding_of, claims, evidence)]
  p_values = [*map(_p_value, claims, findings)]
  adjusted = ledger.holm(
    [p if claim.primary else math.nan for claim, p in zip(claims, p_values)],
    number=sum(claim.primary for claim in claims),
  )
  return [*map(_entry, claims, findings, evidence, p_values, adjusted)]


def decided(claim: Claim, evidence: Evidence) -> Claim:
  """A claim in the words of its stage of the protocol, once that is whole."""
  stage = claim.again.get('stage')
  is_whole = stage and stages.whole(evidence, stage)
  return stages.decided_by_its_stage(claim) if is_whole else claim


def measure_of(claim: Claim) -> Measure | None:
  """What measures a claim; None out of scope."""
  return (MEASURES_OF_STAGES if claim.stage else MEASURES).get(claim.key)


def finding_of(claim: Claim, evidence: Evidence) -> Finding:
  """What was measured, with what both sides tuned say of it, if that was run."""
  if claim.kind == ledger.OUT_OF_SCOPE:
    return Finding(None, 0, '', 'ImageNet and millions of steps are out of scope')
  try:
    finding = measure_of(claim)(evidence)
  except Missing as missing:
    return Finding(None, 0, '', f'not there yet: {missing}')
  tuned = section_4_2_stage_2b.tuned(claim, evidence)
  return finding._replace(text=finding.text + tuned)


def computed_by(claim: Claim) -> str | None:
  """Where a reader finds what measures a claim: `file:function`."""
  if not (measure := measure_of(claim)):
    return None
  file = measure.__module__.replace('.', '/')
  return f'{file}.py:{measure.__qualname__.partition(".")[0]}'


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
  for name in ('kind', 'withheld', 'again', 'stage'):
    del columns[name]
  value, low, high, test, *_ = finding.effect or (math.nan, math.nan, math.nan, None)
  summaries = {run.name: run.summary for run in finding.runs}.values()
  hours = sum(summary['wall_seconds'] for summary in summaries) / 3600
  remarks = (finding.text, finding.too_little, claim.withheld)
  return columns | {
    'value': digits(value), 'low': digits(low), 'high': digits(high), 'test': test,
    'p': digits(p), 'adjusted_p': digits(adjusted_p),
    'n': finding.number, 'n_counts': finding.counts,
    'computed_by': computed_by(claim),
    'files': evidence.files if finding.effect else [],
    'hours': digits(hours) if summaries else None,
    'revisions': sorted({summary['git_revision'] for summary in summaries}),
    'verdict': ledger.verdict(claim, finding),
    'measured': '; '.join(filter(None, remarks)),
  }  # fmt: skip


def write(results: Path) -> None:
  """Writes `claims.json` and `claims.md` into the folder of all results.

  UserError if nothing there is about a claim, as in the folder of one report.
  """
  claims = entries(results)
  if not any(entry['files'] for entry in claims):
    raise UserError(
      f'no results in {results} that a claim is about; give the folder that has '
      'analysis/, inception/ and mnist/'
    )
  lines = ',\n'.join(json.dumps(entry, ensure_ascii=False) for entry in claims)
  (results / NAME).write_text(f'[\n{lines}\n]\n')
  (results / 'claims.md').write_text(text(claims))


def text(claims: list[dict[str, Any]]) -> str:
  """The page."""
  head = ('', 'claim', 'paper', 'ours (interval)', 'margin', 'n', 'p, adjusted',
          'verdict')  # fmt: skip
  return pages.render(
    'claims', verdicts=by_verdict(claims), claims=claims, margin=margin,
    experiments={key_of(entry): entry['experiment'] for entry in claims},
    table=tables.markdown(head, map(_row, claims)),
  )  # fmt: skip


def headline(results: Path) -> str:
  """The table of the project's README: how many claims have each verdict, and which."""
  claims = json.loads((results / NAME).read_text())
  rows = (
    [verdict, f'{len(keys)}', ', '.join(keys)] for verdict, keys in by_verdict(claims)
  )
  return tables.markdown(('verdict', 'claims and parts', 'which'), rows)


def key_of(entry: dict[str, Any]) -> str:
  """Such as '9' or '11a', of an entry of claims.json."""
  return f'{entry["number"]}{entry["part"]}'


def by_verdict(claims: Sequence[dict[str, Any]]) -> list[tuple[str, list[str]]]:
  """The keys of the claims, such as '12a', that have each verdict, if any has."""
  keys = {verdict: [] for verdict in ledger.VERDICTS}
  for entry in claims:
    keys[entry['verdict']].append(key_of(entry))
  return [(verdict, some) for verdict, some in keys.items() if some]


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
  paper = '' if entry['paper'] is None else f'{entry["paper"]:g} {entry["unit"]}'
  p = entry['adjusted_p'] if entry['primary'] else entry['p']
  p_text = '' if p is None else f'{p:.2g}' if p >= 1e-4 else '< 0.0001'
  return (
    key_of(entry), entry['claim'], paper.strip(),
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

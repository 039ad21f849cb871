"""What a claim is, what was measured for it, and the rule that gives the verdict.

Verdicts are computed, never written by hand. Each claim has a margin, taken from the
paper's own number where it gives one, and a side. It is supported if the 95 % interval
of the effect lies beyond the margin on that side, contradicted if it lies wholly on the
other side, and otherwise inconclusive. Holm's correction over the family of primary
tests is printed beside the verdict and does not change it.
"""

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bn_repro.report import collect, commands
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.pages import Missing, Results
from bn_repro.report.seeds import by_variant
from bn_repro.run.errors import UserError

SUPPORTED = 'supported'
CONTRADICTED = 'contradicted'
INCONCLUSIVE = 'inconclusive'
IDENTITY = 'verified identity'
OUT_OF_SCOPE = 'out of scope'
# A claim whose runs are not finished; there should be none.
UNTRIED = 'not tried yet'
VERDICTS = (SUPPORTED, CONTRADICTED, INCONCLUSIVE, IDENTITY, OUT_OF_SCOPE, UNTRIED)
ABOVE, BELOW, WITHIN = 'above', 'below', 'within'
WORDS = Path(__file__).with_name('claims.toml')


@dataclass(frozen=True, kw_only=True)
class Claim:
  """A claim of the paper, or one part of it, as claims.toml has it.

  The fields are explained in results/claims.schema.json, where they are columns, but
  for four: `kind` is 'effect', 'identity' or 'out of scope'; `withheld` says why no
  verdict is given whatever the interval; `again` has the fields that change once the
  stage of the protocol that it names is whole; `stage` is that stage from then on.
  """

  number: int
  part: str = ''
  section: str
  claim: str
  effect: str = ''
  unit: str = ''
  paper: float | None = None
  margin: float | None = None
  side: str = ABOVE
  margin_reason: str = ''
  primary: bool = False
  experiment: str
  command: str
  kind: str = 'effect'
  withheld: str = ''
  again: Mapping[str, Any] = field(default_factory=dict)
  stage: str = ''

  @property
  def key(self) -> str:
    """Such as '9' or '11a'."""
    return f'{self.number}{self.part}'


class Finding(NamedTuple):
  """What was measured for a claim.

  Attributes:
    effect: with its interval; None where nothing was measured.
    number, counts: the n of the estimate, and of what: runs, seeds, layers, ...
    text: the finding in a sentence.
    too_little: why no verdict can follow whatever the interval; '' if one can.
    runs: the effect was computed from these.
  """

  effect: Effect | None
  number: int
  counts: str
  text: str
  too_little: str = ''
  runs: Sequence[Run] = ()


def of_seeds(effect: Effect, text: str, *groups: list[Run]) -> Finding:
  """A finding from groups of runs; its n is the number of seeds of the first."""
  runs = [run for group in groups for run in group]
  return Finding(effect, len(groups[0]), 'seeds', text, runs=runs)


class Evidence:
  """The committed results; `files` are those used, by path; `load` is of `Results`."""

  def __init__(self, results: Path, load: Callable = collect.load):
    self._results, self._load = results, load
    self.files: list[str] = []

  def runs(self, folder: str, name: str, at_least: int = 1) -> list[Run]:
    """Of a sweep; raises `Missing` if fewer were run, and has not used it then."""
    runs = self._folder(folder).runs(name)
    if len(runs) < at_least:
      raise Missing(f'{folder}/{name}.json with {at_least} runs')
    self._note(f'{folder}/{name}_curves.csv', f'{folder}/{name}.json')
    return runs

  def page(self, folder: str, name: str) -> dict[str, Any]:
    """Of an analysis or evaluation; raises `Missing` if it was not made."""
    page = self._folder(folder).page(name)
    self._note(f'{folder}/{name}.json')
    return page

  def _folder(self, name: str) -> Results:
    return Results(self._results / name, self._load)

  def _note(self, *files: str) -> None:
    self.files += [file for file in files if file not in self.files]


Measure = Callable[[Evidence], Finding]


def runs_if_any(
  evidence: Evidence, folder: str, name: str, at_least: int = 1
) -> list[Run]:
  """The committed runs of a sweep; [] if there are none, or fewer."""
  try:
    return evidence.runs(folder, name, at_least)
  except Missing:
    return []


def variants(
  evidence: Evidence, folder: str, name: str, *names: str
) -> list[list[Run]]:
  """The runs of these variants of a sweep; raises `Missing` unless seeds agree."""
  runs = by_variant(evidence.runs(folder, name))
  if missing := [variant for variant in names if not runs.get(variant)]:
    raise Missing(f'{folder}/{name}.json with {", ".join(missing)}')
  chosen = [runs[variant] for variant in names]
  if len({tuple(run.config['seed'] for run in group) for group in chosen}) > 1:
    raise Missing(f'{folder}/{name}.json with the same seeds of each')
  return chosen


def read_claims(path: Path = WORDS) -> list[Claim]:
  """The claims in the order of the file."""
  claims = [*map(_of_entry, tomllib.loads(path.read_text())['claim'])]
  for claim in claims:
    if claim.kind != OUT_OF_SCOPE and claim.margin is None:
      raise UserError(f'{path}: claim {claim.key} has no margin; add one')
    if claim.side not in (ABOVE, BELOW, WITHIN):
      raise UserError(
        f'{path}: claim {claim.key} has no side {claim.side!r}; choose {ABOVE}, '
        f'{BELOW} or {WITHIN}'
      )
  return claims


def _of_entry(entry: dict[str, Any]) -> Claim:
  sweeps = entry.pop('sweeps', [])
  return Claim(**entry, **(made_by(sweeps) if sweeps else {}))


def made_by(sweeps: Sequence[str]) -> dict[str, str]:
  """Experiment and command of a claim that sweeps of section 4.2 decide."""
  return {
    'experiment': ', '.join(map(commands.sweep_file, sweeps)),
    'command': commands.inception(*sweeps),
  }


def verdict(claim: Claim, finding: Finding) -> str:
  """One of `VERDICTS`, by the rule of this module."""
  if claim.kind == OUT_OF_SCOPE:
    return OUT_OF_SCOPE
  if finding.effect is None:
    return UNTRIED
  if claim.kind == 'identity':
    return IDENTITY if finding.effect.value < claim.margin else CONTRADICTED
  if finding.too_little or claim.withheld:
    return INCONCLUSIVE
  return _by_interval(claim, finding.effect)


def _by_interval(claim: Claim, effect: Effect) -> str:
  if claim.side == WITHIN:
    if abs(effect.value) < claim.margin and p_value(claim, effect) < 0.05:
      return SUPPORTED
    outside = effect.low > claim.margin or effect.high < -claim.margin
    return CONTRADICTED if outside else INCONCLUSIVE
  above, below = effect.low > claim.margin, effect.high < claim.margin
  if above or below:
    return SUPPORTED if above == (claim.side == ABOVE) else CONTRADICTED
  return INCONCLUSIVE


def p_value(claim: Claim, effect: Effect) -> float:
  """Two-sided p of the hypothesis that the effect lies at the margin.

  For an equivalence the larger of two one-sided tests, or, of an effect outside, the
  two-sided test at the nearer margin.
  """
  if claim.side != WITHIN:
    return effect.p_value(claim.margin)
  both = [effect.p_value(margin) for margin in (-claim.margin, claim.margin)]
  return max(both) / 2 if abs(effect.value) < claim.margin else min(both)


def holm(p_values: Sequence[float], number: int) -> list[float]:
  """Holm's (1979) adjusted p values, in the order given; NaN stays NaN.

  `number` is that of the family, in which a test without p counts as one that failed.
  """
  adjusted, so_far = [math.nan] * len(p_values), 0.0
  known = [i for i in np.argsort(p_values) if not math.isnan(p_values[i])]
  for rank, i in enumerate(known):
    so_far = max(so_far, min(1.0, (number - rank) * p_values[i]))
    adjusted[i] = so_far
  return adjusted

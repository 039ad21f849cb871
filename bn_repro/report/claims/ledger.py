"""What a claim is, what a finding is, and the four verdicts.

A verdict is never written down: it follows from the committed numbers, by the rule that
the claim names.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bn_repro.intervals import Interval
from bn_repro.report import collect
from bn_repro.report.collect import Run

REPRODUCED = 'reproduced'
SCALED = 'reproduced at reduced scale'
FAILED = 'not reproduced'
UNTESTABLE = 'not testable here'
# Of a claim whose runs are not finished; there should be none.
UNTRIED = 'not tried yet'


class Missing(Exception):
  """Some file that a claim needs is not there."""


class Finding(NamedTuple):
  """What was measured for a claim.

  Attributes:
    holds: whether it is as the claim says, by its rule; None where what was run cannot
      tell.
    value: what was measured, with its interval where it has one; None where it has no
      number, such as steps to an accuracy that is never reached.
    unit: of the value.
    number: of what the value is a mean over.
    of: what these are: seeds, layers, images.
    text: the finding in a sentence.
  """

  holds: bool | None
  value: Interval | None
  unit: str
  number: int
  of: str
  text: str


class Claim(NamedTuple):
  """A claim of the paper and how it is tried.

  Attributes:
    number: of 1 to 30.
    section: of the paper, or its figure.
    text: the claim in one sentence.
    experiment: the config or module.
    command: that makes the numbers.
    rule: it counts as reproduced if ...
    verdict: if it holds, `REPRODUCED` or `SCALED`.
    measure: of `Evidence`; raises `Missing`.
  """

  number: int
  section: str
  text: str
  experiment: str
  command: str
  rule: str
  verdict: str
  measure: Callable[['Evidence'], Finding]


class Evidence:
  """The committed results, and which of them were looked at.

  Attributes:
    files: of the sweeps and pages that were used, from the folder of results.
    seconds: that these took, run after run.
  """

  def __init__(self, results: Path):
    self._results = results
    self.files: list[str] = []
    self.seconds = 0.0

  def runs(self, folder: str, name: str) -> list[Run]:
    """Of a sweep; raises `Missing` if it was not run."""
    runs = collect.load(self._results / folder, name)
    if not runs:
      raise Missing(f'{folder}/{name}.json')
    self._note(f'{folder}/{name}.json', sum(r.summary['wall_seconds'] for r in runs))
    return runs

  def page(self, folder: str, name: str) -> dict[str, Any]:
    """Of an analysis or evaluation; raises `Missing` if it was not made."""
    path = self._results / folder / f'{name}.json'
    if not path.exists():
      raise Missing(f'{folder}/{name}.json')
    found = json.loads(path.read_text())
    self._note(f'{folder}/{name}.json', found.get('seconds', 0.0))
    return found

  def _note(self, file: str, seconds: float) -> None:
    if file not in self.files:
      self.files.append(file)
      self.seconds += seconds


def tried(claim: Claim, results: Path) -> dict[str, Any]:
  """A claim with its finding and verdict, as JSON."""
  evidence = Evidence(results)
  entry = {
    'number': claim.number, 'section': claim.section, 'claim': claim.text,
    'experiment': claim.experiment, 'command': claim.command, 'rule': claim.rule,
  }  # fmt: skip
  try:
    found = claim.measure(evidence)
  except Missing as missing:
    return entry | {'verdict': UNTRIED, 'measured': f'not there yet: {missing}'}
  verdict = {True: claim.verdict, False: FAILED, None: UNTESTABLE}[found.holds]
  unclear = found.holds is None and claim.verdict != UNTESTABLE
  measured = f'{found.text}; what was run cannot tell' if unclear else found.text
  return entry | {
    'verdict': verdict, 'measured': measured, **_numbers(found),
    'files': evidence.files, 'seconds': round(evidence.seconds),
  }  # fmt: skip


def _numbers(found: Finding) -> dict[str, Any]:
  """The value, to six digits, and what it is a mean over."""
  if found.value is None:
    return {'n': found.number, 'of': found.of}
  interval = ('value', 'low', 'high')
  values = {
    name: float(f'{value:.6g}') if math.isfinite(value) else None
    for name, value in zip(interval, found.value)
  }
  return {'n': found.number, 'of': found.of, **values, 'unit': found.unit}


def needed(found: Mapping[str, list[Run]], *names: str, of: str) -> list[list[Run]]:
  """The runs of these names; raises `Missing` unless all have the same seeds."""
  if missing := [name for name in names if not found.get(name)]:
    raise Missing(f'{of} with {", ".join(missing)}')
  chosen = [found[name] for name in names]
  if len({tuple(run.config['seed'] for run in runs) for runs in chosen}) > 1:
    raise Missing(f'{of} with the same seeds of each')
  return chosen


def in_points(share: Interval) -> Interval:
  """A difference of shares, 0 to 1, in percentage points."""
  return Interval(*(100 * value for value in share))


def exactly(value: float) -> Interval:
  """A number that has no interval."""
  return Interval(value, float('nan'), float('nan'))

"""Writes results/claims.json and, from it, results/claims.md."""

import json
from pathlib import Path
from typing import Any

from bn_repro.report import tables
from bn_repro.report.claims import changes, evaluation, figure_3, multilayer
from bn_repro.report.claims.ledger import (
  FAILED,
  REPRODUCED,
  SCALED,
  UNTESTABLE,
  UNTRIED,
  tried,
)

CLAIMS = sorted(
  (*multilayer.CLAIMS, *figure_3.CLAIMS, *changes.CLAIMS, *evaluation.CLAIMS),
  key=lambda claim: claim.number,
)
VERDICTS = (REPRODUCED, SCALED, FAILED, UNTESTABLE, UNTRIED)
NAME = 'claims.json'
TEXT = """\
# The paper's claims, and what became of them

*Made by `scripts/report.py --report=claims` from `claims.json` and the files that it
names; do not edit. Verdicts are computed from those numbers by the rule that each claim
names, and a test compares them.*

{summary}

{table}

"At reduced scale" is Imagenette (ten classes of ImageNet, 9,469 training images) at 64
pixels and a quarter of the width, or section 4.1's network where the paper speaks of
deep networks in general. Intervals are of 95 %, over seeds where there are several; how
far maxima of these networks are apart has that of the spread between seeds, pooled over
all of them. "Not testable here" are claims on ImageNet alone, and those whose interval
here holds both answers. Time is of all runs behind a claim, one after the other. The
[reading guide](reading_guide.md) walks through the paper with these numbers.

{claims}
"""
CLAIM = """\
## {number}. {claim}

*{section}.* **{verdict}.** {measured}.

{details}
"""


def entries(results: Path) -> list[dict[str, Any]]:
  """Every claim with finding and verdict, in the order of their numbers."""
  return [tried(claim, results) for claim in CLAIMS]


def write(results: Path) -> None:
  """Writes `claims.json` and `claims.md` into the folder of all results."""
  found = entries(results)
  lines = ',\n'.join(json.dumps(entry, ensure_ascii=False) for entry in found)
  (results / NAME).write_text(f'[\n{lines}\n]\n')
  (results / 'claims.md').write_text(text(found))


def text(found: list[dict[str, Any]]) -> str:
  """The page."""
  claims = '\n'.join(map(_section, found))
  return TEXT.format(
    summary=summary(found), table=_table(found), claims=claims.rstrip()
  )


def _section(entry: dict[str, Any]) -> str:
  begun = {
    name: entry[name][:1].upper() + entry[name][1:].removesuffix('.')
    for name in ('section', 'verdict', 'measured')
  }
  return CLAIM.format(**entry | begun, details=_details(entry))


def _table(found: list[dict[str, Any]]) -> str:
  rows = [(str(e['number']), e['claim'], e['section'], e['verdict']) for e in found]
  return tables.markdown(('', 'claim', 'where', 'verdict'), rows)


def summary(found: list[dict[str, Any]]) -> str:
  """How many claims have each verdict, and which."""
  lines = []
  for verdict in VERDICTS:
    numbers = [e['number'] for e in found if e['verdict'] == verdict]
    if numbers:
      lines.append(f'- **{verdict}**: {len(numbers)} ({", ".join(map(str, numbers))})')
  return '\n'.join(lines)


def _details(entry: dict[str, Any]) -> str:
  lines = [f'Tried by: `{entry["experiment"]}`']
  if entry['rule']:
    lines.append(f'Counts as reproduced if: {entry["rule"]}')
  if entry.get('n'):
    of = entry['of'] if entry['n'] > 1 else entry['of'].removesuffix('s')
    lines.append(f'n = {entry["n"]:,} {of}; {_time(entry["seconds"])}')
  if entry.get('files'):
    lines.append('Numbers: ' + ', '.join(f'[{f}]({f})' for f in entry['files']))
  lines.append(f'Command: `{entry["command"]}`')
  return '\n'.join(f'- {line}' for line in lines)


def _time(seconds: float) -> str:
  """Such as '2.1 hours'."""
  if not seconds:
    return 'not timed'
  for size, unit in ((3600, 'hours'), (60, 'minutes')):
    if seconds >= size:
      return f'{seconds / size:.1f} {unit}'
  return f'{seconds:.0f} seconds'

"""Numbers over seeds, and Markdown tables of them."""

import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bn_repro.report.collect import Run

NEVER = 'never'
# A cell of a table that holds a number, a bound of one, or nothing.
NUMBER = re.compile(rf'$|[\d+-]|{NEVER}$|not in |at most |at least ')


def group_by(runs: Iterable[Run], key_of: Callable[[Run], Any]) -> dict[Any, list[Run]]:
  """Runs by what `key_of` says of each, such as a config field, smallest key first."""
  groups: dict[Any, list[Run]] = {}
  for run in runs:
    groups.setdefault(key_of(run), []).append(run)
  return dict(sorted(groups.items()))


def over(runs: Iterable[Run], measure: Callable[[Run], float | None]) -> np.ndarray:
  """One number for each run, `[runs]` float64; None becomes NaN."""
  return np.asarray([measure(run) for run in runs], float)


def percent(values: np.ndarray, missed: str = '') -> str:
  """Mean and sample standard deviation of shares, without NaN: '97.31 ± 0.12 %'.

  `missed`, if given, says what became of runs that have NaN, and how many they are.
  """
  finite = values[np.isfinite(values)]
  if not len(finite):
    return missed or '-'
  return f'{mean(100 * finite, ".2f")} %' + (missed and _remark(values, missed))


def mean(values: np.ndarray, form: str) -> str:
  """The mean, and the sample standard deviation where there are several values."""
  numbers = [values.mean(), values.std(ddof=1)] if len(values) > 1 else values
  return ' ± '.join(format(number, form) for number in numbers)


def interval(
  estimate: Sequence[float], form: str, unit: str = '', scale: float = 1.0
) -> str:
  """Such as '2.1 points (1.9 to 2.3)', or '2.1 points' where bounds are NaN.

  Of a value and its bounds. The unit begins with its space; `scale` multiplies all, 100
  to make shares percent.
  """
  value, low, high = (form.format(scale * number) for number in estimate)
  ends = '' if math.isnan(estimate[1]) else f' ({low} to {high})'
  return f'{value}{unit}{ends}'


def rounded(value: float, digits: int = 1) -> str:
  """A share, 0 to 1, without an interval: '70.2 %'."""
  return f'{100 * value:.{digits}f} %'


def digits(value: float, number: int = 6) -> float | None:
  """With so many significant digits; None where not finite, which JSON cannot say."""
  return float(f'{value:.{number}g}') if math.isfinite(value) else None


def share(mean: float, low: float, high: float) -> str:
  """A share with its interval: '72.20 % (71.80 to 72.60)'."""
  return interval((mean, low, high), '{:.2f}', ' %', 100)


def steps(values: np.ndarray, missed: str = NEVER) -> str:
  """Mean and sample standard deviation of step counts; says how many are infinite.

  `missed` says what became of those.
  """
  reached = values[np.isfinite(values)]
  return mean(reached, ',.0f') + _remark(values, missed) if len(reached) else missed


def _remark(values: np.ndarray, missed: str) -> str:
  """Such as ' (1 of 3 diverged)'; '' if all values are finite."""
  missing = int(np.sum(~np.isfinite(values)))
  return f' ({missing} of {len(values)} {missed})' if missing else ''


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
  """A Markdown table, padded to read well as it is; numbers go to the right."""
  lines = list(rows)
  columns = list(zip(head, *lines))
  to_right = [all(map(NUMBER.match, column[1:])) for column in columns]
  widths = [max(map(len, column)) for column in columns]
  rule = ['-' * (w - 1) + ':' if r else '-' * w for w, r in zip(widths, to_right)]
  return '\n'.join(_line(cells, widths, to_right) for cells in (head, rule, *lines))


def _line(cells: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
  padded = (
    cell.rjust(width) if right else cell.ljust(width)
    for cell, width, right in zip(cells, widths, to_right)
  )
  return f'| {" | ".join(padded)} |'


def origin(runs: list[Run]) -> str:
  """The section on the code, versions and machines that the numbers come from."""
  return origin_of([run.summary for run in runs]) + '\n'


def origin_of(records: Collection[dict[str, Any]], *checkpoints: str) -> str:
  """The same of any records with these entries, and of checkpoints by their digests."""
  lines = [f'SHA-256 of the checkpoint: {digest}' for digest in checkpoints]
  lines += [f'{n}: {each(records, n)}' for n in ('git_revision', 'device', 'versions')]
  return '\n- '.join(['## Where the numbers come from\n', *lines])


def each(records: Iterable[dict[str, Any]], name: str) -> str:
  """Every value that an entry of some records has, each once, in order."""
  return ', '.join(sorted({_text(record[name]) for record in records}))


def _text(value: str | dict[str, str]) -> str:
  if isinstance(value, dict):
    return ', '.join(f'{name} {version}' for name, version in value.items())
  return value


def replace_block(path: Path, name: str, text: str) -> None:
  """Puts text between `<!-- NAME -->` and `<!-- end of NAME -->` of a file."""
  before, start, rest = path.read_text().partition(f'<!-- {name} -->\n')
  _, end, after = rest.partition(f'<!-- end of {name} -->')
  path.write_text(f'{before}{start}{text}\n{end}{after}')

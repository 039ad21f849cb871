"""Numbers over seeds, and Markdown tables of them.

Does not know what is tabulated.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from bn_repro.report.collect import Run
from bn_repro.report.intervals import Interval

NEVER = 'never'


def group_by(runs: Iterable[Run], *fields: str) -> dict[tuple, list[Run]]:
  """Runs by the values of some config fields, sorted by these."""
  groups: dict[tuple, list[Run]] = {}
  for run in runs:
    groups.setdefault(tuple(run.config[field] for field in fields), []).append(run)
  return dict(sorted(groups.items()))


def over(runs: Iterable[Run], measure: Callable[[Run], float]) -> np.ndarray:
  """One number for each run, `[runs]` float64; what is missing becomes NaN."""
  return np.asarray([math.nan if (v := measure(r)) is None else v for r in runs])


def percent(values: np.ndarray) -> str:
  """Mean and sample standard deviation of shares: '97.31 ± 0.12 %'."""
  values = 100 * values[np.isfinite(values)]
  if len(values) == 0:
    return '-'
  if len(values) == 1:
    return f'{values[0]:.2f} %'
  return f'{values.mean():.2f} ± {values.std(ddof=1):.2f} %'


def interval(
  estimate: Interval, form: str = '{:.1f}', unit: str = '', scale: float = 1.0
) -> str:
  """Such as '2.1 points (1.9 to 2.3)', or '2.1 points' where bounds are unknown.

  Args:
    estimate: NaN where unknown.
    form: of each number.
    unit: put behind the first, with a space before it.
    scale: multiplies all, 100 to make shares percent.
  """
  mean, low, high = (form.format(scale * value) for value in estimate)
  return (
    f'{mean}{unit}' if math.isnan(estimate.low) else f'{mean}{unit} ({low} to {high})'
  )


def rounded(value: float, digits: int = 1) -> str:
  """A share, 0 to 1, without an interval: '70.2 %'."""
  return f'{100 * value:.{digits}f} %'


def share(mean: float, low: float, high: float) -> str:
  """A share with its interval: '72.20 % (71.80 to 72.60)'."""
  return interval(Interval(mean, low, high), '{:.2f}', ' %', 100)


def steps_to(runs: Iterable[Run], accuracy: float) -> str:
  """`steps` at which the runs first reached a test accuracy, 0 to 1."""
  return steps(over(runs, lambda run: run.steps_to(accuracy)))


def steps(values: np.ndarray, missed: str = NEVER) -> str:
  """Mean and sample standard deviation of step counts; says how many never.

  Args:
    values: `[runs]`, infinite where there was no such step.
    missed: what became of those.
  """
  reached = values[np.isfinite(values)]
  if len(reached) == 0:
    return missed
  text = f'{reached.mean():,.0f}'
  if len(reached) > 1:
    text += f' ± {reached.std(ddof=1):,.0f}'
  missing = len(values) - len(reached)
  return f'{text} ({missing} of {len(values)} {missed})' if missing else text


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
  """A Markdown table, padded to read well as it is; numbers go to the right."""
  lines = list(rows)
  columns = list(zip(head, *lines))
  to_right = [all(map(_is_number, column[1:])) for column in columns]
  widths = [max(map(len, column)) for column in columns]
  rule = ['-' * (w - 1) + ':' if r else '-' * w for w, r in zip(widths, to_right)]
  return '\n'.join(_line(cells, widths, to_right) for cells in (head, rule, *lines))


def _is_number(cell: str) -> bool:
  return cell[:1].isdigit() or cell[:1] in '+-' or cell == NEVER or _is_bound(cell)


def _is_bound(cell: str) -> bool:
  return cell.startswith(('not in ', 'at most ', 'at least '))


def _line(cells: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
  padded = (
    cell.rjust(width) if right else cell.ljust(width)
    for cell, width, right in zip(cells, widths, to_right)
  )
  return f'| {" | ".join(padded)} |'


def origin(runs: list[Run]) -> str:
  """The code, versions and machines that the numbers come from."""
  lines = [
    f'{name}: {listed(runs, name)}' for name in ('git_revision', 'device', 'versions')
  ]
  return (
    '## Where the numbers come from\n\n' + '\n'.join(f'- {x}' for x in lines) + '\n'
  )


def listed(runs: list[Run], name: str) -> str:
  """Every value that an entry of the summaries has, each once, in order."""
  return ', '.join(sorted({_versions(run.summary[name]) for run in runs}))


def _versions(value) -> str:
  if isinstance(value, dict):
    return ', '.join(f'{name} {version}' for name, version in value.items())
  return value


def replace_block(path: Path, name: str, text: str) -> None:
  """Puts text between `<!-- NAME -->` and `<!-- end of NAME -->` of a file."""
  before, start, rest = path.read_text().partition(f'<!-- {name} -->\n')
  _, end, after = rest.partition(f'<!-- end of {name} -->')
  path.write_text(f'{before}{start}{text}\n{end}{after}')

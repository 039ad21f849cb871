"""Time and memory of each layer: a table, and how ours compares.

A page is one of speed_1.json and speed_2.json: rounds, of each implementation and shape
the seconds of a forward and a backward call.
"""

import statistics
from typing import Any

from bn_repro.report import tables
from bn_repro.run.errors import UserError

OURS, FLAX, PYTORCH = 'ours', 'flax_linen', 'torch_layer'
Page = dict[str, Any]


def shapes(page: Page) -> list[str]:
  """Such as '7x7x1024', in the order of the file; UserError where ours is missing."""
  if OURS not in page['rounds'][0]:
    raise UserError(f'speed_{page["threads"]}.json lacks {OURS!r}; remove the file and '
                    'measure all in one call')  # fmt: skip
  return [*page['rounds'][0][OURS]]


def ratios(page: Page, name: str, shape: str) -> list[float]:
  """An implementation's time over ours, forward and backward together, by round."""
  return [
    _total(measured[name][shape]) / _total(measured[OURS][shape])
    for measured in page['rounds']
    if all('forward' in measured.get(one, {}).get(shape, {}) for one in (name, OURS))
  ]


def _total(answer: dict[str, float]) -> float:
  return answer['forward'] + answer['backward']


def table(page: Page, titles: dict[str, str]) -> str:
  """A line each: milliseconds, the ratio to ours with its range, megabytes."""
  rows = [
    (titles.get(name, name), *(cell(page, name, shape) for shape in shapes(page)))
    for name in page['rounds'][0]
    if any(ratios(page, name, shape) for shape in shapes(page))
  ]
  return tables.markdown(('', *shapes(page)), rows)


def cell(page: Page, name: str, shape: str) -> str:
  """Such as '1.2 + 2.3 ms, 0.80 (0.75 to 0.91), 40 MB'; ours has no ratio."""
  answers = [one.get(name, {}).get(shape, {}) for one in page['rounds']]
  answers = [answer for answer in answers if 'forward' in answer]
  if not answers:
    return 'not measured'
  median = lambda key: statistics.median(answer[key] for answer in answers)
  milliseconds = f'{1e3 * median("forward"):.1f} + {1e3 * median("backward"):.1f} ms'
  memory, spread = f'{median("megabytes"):.0f} MB', ratios(page, name, shape)
  if name == OURS:
    return f'{milliseconds}, {memory}'
  three = (statistics.median(spread), min(spread), max(spread))
  return f'{milliseconds}, {tables.interval(three, "{:.2f}")}, {memory}'


def verdicts(page: Page) -> list[str]:
  """Of each shape how many are faster than ours, and what Flax and PyTorch take."""
  lines = []
  for shape in shapes(page):
    middles = {
      name: statistics.median(spread)
      for name in page['rounds'][0]
      if name != OURS and (spread := ratios(page, name, shape))
    }
    faster = sum(middle < 1 for middle in middles.values())
    rivals = ', '.join(
      f'{title} {middles[name]:.2f}'
      for name, title in ((FLAX, 'flax.linen'), (PYTORCH, 'PyTorch'))
      if name in middles
    )
    side = 'faster' if faster < len(middles) / 2 else 'not faster'
    lines.append(
      f'{shape}: {faster} of {len(middles)} others take less time than ours, so ours '
      f'is {side} than their median; {rivals} of its time.'
    )
  return lines

"""How a network goes from one implementation to another: names, factors, and the proof.

Every pair was carried over; the factor of the variance depends only on what each of the
two stores. Imports no JAX.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from bn_repro.paper import conformance_cells as cells
from bn_repro.paper import conformance_columns as columns
from bn_repro.paper.conformance_cells import number
from bn_repro.report import tables

WORDS = {'as it is': 'as it is', 'times': '× m / (m − 1)', 'divided': '× (m − 1) / m'}
NONE = 'none continues it'
NEEDED = ('moving_average', 'defaults')
Page = dict[str, Any]


class Pair(NamedTuple):
  """One implementation's network in another, with the best factor of its variance."""

  source: Page
  target: Page
  factor: str
  outputs: float
  step: float

  @property
  def kinds(self) -> tuple[str, str]:
    return kind(self.source), kind(self.target)


def kind(page: Page) -> str:
  """The variance that is stored: biased or unbiased, and whether it is debiased."""
  answer = page['probes']['moving_average']
  biased = 'biased' if cells.conv_m(answer).departs else 'unbiased'
  return f'{biased}, debiased' if 'debiased' in cells.decay(answer).text else biased


def pairs(ran: list[Page]) -> list[Pair]:
  """All that were carried over, but from each to itself."""
  usable = {page['name']: page for page in ran if _usable(page)}
  return [
    _pair(usable[source], target, result)
    for target in usable.values()
    for source, result in target.get('carried', {}).items()
    if source in usable and source != target['name'] and not cells.refused(result)
  ]


def _usable(page: Page) -> bool:
  answers = [page['probes'].get(name) for name in NEEDED]
  return all(answer is not None and not cells.refused(answer) for answer in answers)


def _pair(source: Page, target: Page, result: Page) -> Pair:
  steps = {name: number(value) for name, value in result['next_step'].items()}
  finite = {name: value for name, value in steps.items() if value == value}
  best = min(finite, key=finite.get) if finite else 'as it is'
  factor = WORDS[best] if steps[best] <= cells.CARRIED else NONE
  return Pair(source, target, factor, number(result['outputs']), steps[best])


def names_table(ran: list[Page]) -> str:
  """A line for each: names, options and defaults, what is stored, how far off."""
  head = ('', 'gamma, beta, mean, variance', 'decay', 'epsilon', 'variance stored',
          'from it', 'to it')  # fmt: skip
  carried = pairs(ran)
  rows = [
    (
      page['title'], *_settings(page), kind(page),
      _largest(p.outputs for p in carried if p.source is page),
      _largest(p.outputs for p in carried if p.target is page),
    )
    for page in ran
    if _usable(page)
  ]  # fmt: skip
  return tables.markdown(head, rows)


def _settings(page: Page) -> tuple[str, str, str]:
  """Names of arrays; names of the two options and what they are by default."""
  said, probes = columns.words()['names'].get(page['name'], {}), page['probes']
  decay = cells.decay(probes['moving_average']).text
  epsilon = cells.epsilon(probes['defaults']).text
  option = said.get('decay', 'decay').replace('1 - ', '1 - decay')
  named = f'{option}; {decay}', f'{said.get("epsilon", "epsilon")}; {epsilon}'
  return said.get('arrays', '-'), *named


def _largest(values: Iterable[float]) -> str:
  """Bold where outputs differ by more than they may; '-' where nothing was carried."""
  every = list(values)
  if not every:
    return '-'
  worst = max(every, key=lambda value: float('inf') if value != value else value)
  return f'{worst:.0e}' if worst <= cells.CARRIED else f'**{worst:.0e}**'


def factors_table(ran: list[Page]) -> str:
  """A line for each two kinds and factor; one factor for each two, if kinds explain."""
  groups: dict[tuple[str, str, str], list[Pair]] = {}
  for pair in pairs(ran):
    groups.setdefault((*pair.kinds, pair.factor), []).append(pair)
  head = ('from', 'to', 'variance', 'pairs', 'outputs differ', 'one more step differs')
  rows = [
    (*group, str(len(found)), _largest(p.outputs for p in found),
     f'{max(p.step for p in found):.0e}')
    for group, found in sorted(groups.items())
  ]  # fmt: skip
  return tables.markdown(head, rows) if rows else ''


def failures(ran: list[Page], titles: dict[str, str]) -> list[str]:
  """Pairs that were tried and raised, each with its error; titles are by name."""
  return [
    f'{titles[source]} to {target["title"]}: {result["error"]}'
    for target in ran
    for source, result in target.get('carried', {}).items()
    if source in titles and isinstance(result.get('error'), str)
  ]

"""The columns of the tables of results/conformance, as conformance.toml lists them."""

import functools
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bn_repro.paper import conformance_cells as cells


class Column(NamedTuple):
  """A column of the table: its probe, the line of the paper or mistake behind it.

  `part` names one entry of what the probe measured; '' for all of it.
  """

  title: str
  probe: str
  why: str
  cell: Callable[[cells.Result], cells.Cell]
  part: str = ''


@functools.cache
def words() -> dict[str, Any]:
  """What conformance.toml says."""
  return tomllib.loads(Path(__file__).with_name('conformance.toml').read_text())


@functools.cache
def groups() -> dict[str, tuple[Column, ...]]:
  """The columns by the titles of their groups."""
  listed = words()['groups']
  return {group['title']: tuple(map(_column, group['columns'])) for group in listed}


def _column(fields: dict[str, Any]) -> Column:
  return Column(**fields | {'cell': getattr(cells, fields['cell'])})


def cell_of(column: Column, probes: dict[str, cells.Result]) -> cells.Cell:
  """The cell of an implementation; 'not run' if its probe is missing."""
  if column.probe not in probes:
    return cells.Cell('not run')
  result = probes[column.probe]
  if not cells.refused(result) and column.part:
    # This probe leaves out dtypes that an implementation does not take.
    is_left_out = column.probe == 'half_precision' and column.part not in result
    result = {'not_offered': ''} if is_left_out else result[column.part]
  return cells.refused(result) or column.cell(result)

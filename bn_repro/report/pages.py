"""Pages of results/: their templates, and the files that they are made from."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from bn_repro.report import collect
from bn_repro.report.collect import Run
from bn_repro.run.errors import UserError


class Missing(Exception):
  """A file of results/ is not there, or lacks what is needed."""


class Results(NamedTuple):
  """A folder of results/ with the files of sweeps and pages, and with their figures.

  `load` reads a sweep, as `collect.load`; one that remembers serves several readers.
  """

  folder: Path
  load: Callable[[Path, str], list[Run]] = collect.load

  def runs(self, name: str) -> list[Run]:
    """Of a sweep; raises `Missing` if it was not run."""
    if not (runs := self.load(self.folder, name)):
      raise Missing(f'{self.folder.name}/{name}.json')
    return runs

  def page(self, name: str) -> dict[str, Any]:
    """Of an analysis or evaluation; raises `Missing` if it was not made."""
    path = self.folder / f'{name}.json'
    if not path.exists():
      raise Missing(f'{self.folder.name}/{name}.json')
    return json.loads(path.read_text())


@functools.cache
def _templates() -> jinja2.Environment:
  return jinja2.Environment(
    loader=jinja2.PackageLoader('bn_repro.paper'),
    autoescape=jinja2.select_autoescape(('html.j2',)),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
  )


def render(template: str, **values: Any) -> str:
  """The text of `paper/templates/<template>.md.j2` with these values."""
  return _templates().get_template(f'{template}.md.j2').render(values)


def render_html(template: str, **values: Any) -> str:
  """The text of `paper/templates/<template>.html.j2`; values are escaped."""
  return _templates().get_template(f'{template}.html.j2').render(values)


def read(path: Path, command: str) -> dict[str, Any]:
  """The page at a path, which `command` makes, given its `--output`."""
  if not path.exists():
    raise UserError(f'no {path}; `{command} --output={path}` makes it')
  return json.loads(path.read_text())

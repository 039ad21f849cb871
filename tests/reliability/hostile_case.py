"""One hostile command line with the files it needs; says nothing of the answer."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from support import metrics_of, summary_of, without_times

# In arguments and the environment: the folder that belongs to the case alone.
FOLDER = '@FOLDER@'
WORKDIR = f'--workdir={FOLDER}/run'
# A run that takes a step, for cases which may turn out to be no mistake.
SHORT = (
  '--config.dataset.name=digits', '--config.train_for=1 step',
  '--config.population_batches=1',
)  # fmt: skip


def nothing(folder: Path) -> None:
  """Needs no files."""


class Case(NamedTuple):
  """A command line.

  Attributes:
    category: a few words, for the counts.
    name: what is hostile in it.
    arguments: with `FOLDER` where the folder of the case is meant.
    lay_out: puts the case's files into its folder, which is the current directory.
    environment: more variables, with `FOLDER`.
    workdir: below the folder; nothing else may be written.
    is_mistake: whether exit code 0 would be wrong.
    is_quick: whether it should be answered before JAX is imported.
    expected: flat fields that config.json must hold if the case is accepted.
    measured: what `measured` must then give; None: whatever it is.
  """

  category: str
  name: str
  arguments: tuple[str, ...]
  lay_out: Callable[[Path], None] = nothing
  environment: Mapping[str, str] = {}
  workdir: str = 'run'
  is_mistake: bool = True
  is_quick: bool = True
  expected: Mapping[str, Any] = {}
  measured: list[dict] | None = None


def files(contents: Mapping[str, str | bytes]) -> Callable[[Path], None]:
  """Writes files, given by name."""

  def lay_out(folder: Path) -> None:
    for name, content in contents.items():
      path = folder / name
      path.parent.mkdir(parents=True, exist_ok=True)
      path.write_bytes(content.encode() if isinstance(content, str) else content)

  return lay_out


def measured(workdir: Path) -> list[dict]:
  """The lines of a finished run and its summary, times aside."""
  return without_times([*metrics_of(workdir), summary_of(workdir)])

"""summary.json: the outcome of a run, in one sealed file.

A run writes it last, and every table is made from it. Imports no JAX.
"""

from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError
from bn_repro.run.files import read_sealed, write_sealed

NAME = 'summary.json'
TOP = 5  # predicted classes, among which figure 4 looks for the right one


def write(workdir: Path, summary: dict[str, Any]) -> None:
  """Writes summary.json, whole or not at all."""
  write_sealed(workdir / NAME, summary)


def read(workdir: Path) -> dict[str, Any] | None:
  """The summary of a run; None if it is not finished."""
  path = workdir / NAME
  try:
    return read_sealed(path)
  except FileNotFoundError:
    return None
  except ValueError as error:
    raise UserError(
      f'{path} is not as it was written; remove it, and the command of the run '
      'writes it again'
    ) from error


def accuracies(summary: dict[str, Any]) -> dict[str, float]:
  """The accuracies of a summary, 0 to 1, by their tags in TensorBoard's HParams tab."""
  return {
    f'summary/{name}': value
    for name, value in summary.items()
    if 'accuracy' in name and value is not None
  }


def of_finished_run(workdir: Path, config: ConfigDict) -> dict[str, Any] | None:
  """The summary of a run of a config; None if it is not finished.

  Refuses one of another config, even of another `train_for`: its curves may have one
  point more.
  """
  summary = read(workdir)
  if summary and summary['config']['train_for'] != config.train_for:
    raise UserError(
      f'{workdir} holds a run that is finished, with config.train_for='
      f'{summary["config"]["train_for"]!r}; ask for that, or use another --workdir'
    )
  if summary:  # config.json may have been lost
    config_lib.check_same(config, workdir / NAME, summary['config'])
  return summary

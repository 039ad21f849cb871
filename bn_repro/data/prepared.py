"""Where prepared data sets lie, and how to prepare a missing one. Imports no TFDS."""

import re
from pathlib import Path

from bn_repro.run import config_files, damage, places
from bn_repro.run.errors import UserError

DIGITS = 'digits'
DESCRIPTION = 'dataset_info.json'


# Of sets that need not be prepared to be known: size of an image, number of classes.
FORMATS = {DIGITS: ((8, 8), 10)} | dict.fromkeys(
  ('mnist', 'fashion_mnist', 'kmnist'), ((28, 28), 10)
)


def data_directories() -> list[Path]:
  """The directories that are searched for prepared data sets, in this order."""
  if chosen := places.variable('TFDS_DATA_DIR'):
    return [chosen]
  parents = [config_files.PROJECT.parent / 'shared'] if config_files.IS_CHECKOUT else []
  parents += [home] if (home := places.home()) else []
  return [parent / 'tensorflow_datasets' for parent in parents]


def find_prepared(name: str) -> Path:
  """The directory of the last prepared version of a TFDS data set, by its numbers."""
  for directory in data_directories():
    versions = damage.entries(directory / name)
    prepared = [path for path in versions if not damage.is_missing(path / DESCRIPTION)]
    if prepared:
      return max(prepared, key=_version)
    if configurations := _configurations(directory, name):
      raise UserError(
        f'data set {name!r} is prepared in {directory} as '
        f'{", ".join(configurations)}; choose one of these names'
      )
  searched = ' or '.join(map(str, data_directories())) or 'any known place'
  raise UserError(
    f'data set {name!r} is not in {searched}; set TFDS_DATA_DIR, prepare it with '
    f'{preparing(name)}, or train on the embedded digits with {_digits_for(name)}'
  )


def _version(path: Path) -> tuple[tuple[int, ...], str]:
  """What versions are ordered by: 10.0.0 comes after 9.0.0, and a word before both."""
  is_version = re.fullmatch(r'\d+(\.\d+)*', path.name, re.ASCII)
  return tuple(map(int, path.name.split('.'))) if is_version else (), path.name


def _configurations(directory: Path, name: str) -> list[str]:
  """The names that have `name` before a slash, such as 'emnist/letters'."""
  paths = (directory / name).glob(f'*/*/{DESCRIPTION}')
  return sorted({f'{name}/{path.parents[1].name}' for path in paths})


def _digits_for(name: str) -> str:
  """The argument that makes a config of that data set take the digits."""
  if name in FORMATS:
    return f'--config.dataset.name={DIGITS}'
  return f'the argument {DIGITS}, as --config=configs/bn_x30.py:{DIGITS}'


def preparing(name: str) -> str:
  """The command that prepares a data set."""
  return places.script('prepare_data.py', name)

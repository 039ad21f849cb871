"""Data sets as arrays of raw bytes, from scikit-learn's wheel or from TFDS.

The only file that knows TFDS. Does not know what a network makes of an image.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bn_repro.errors import UserError

# Height and width of an image, and number of classes.
FORMATS = {'mnist': ((28, 28), 10), 'digits': ((8, 8), 10)}
PROJECT = Path(__file__).resolve().parents[2]


class Examples(NamedTuple):
  """`images` `[n, height, width]` uint8 of 0 to 255, `labels` `[n]` int32."""

  images: np.ndarray
  labels: np.ndarray


class Dataset(NamedTuple):
  """The two halves of a data set and the number of its classes."""

  train: Examples
  test: Examples
  num_classes: int


def load(name: str) -> Dataset:
  """The data set of that name, read whole.

  Raises:
    UserError: the data set is not there or was prepared in another format.
  """
  return _digits() if name == 'digits' else _from_tfds(name, ('train', 'test'))


def _digits() -> Dataset:
  """scikit-learn's 1,797 real 8x8 digits; every fifth image is a test image."""
  from sklearn.datasets import load_digits

  digits = load_digits()
  images = np.round(digits.images * (255 / 16)).astype(np.uint8)
  labels = digits.target.astype(np.int32)
  is_test = np.arange(len(images)) % 5 == 0
  return Dataset(
    Examples(images[~is_test], labels[~is_test]),
    Examples(images[is_test], labels[is_test]),
    num_classes=10,
  )


def _from_tfds(name: str, splits: tuple[str, str]) -> Dataset:
  directory = find_prepared(name)
  # Slow to import, and not needed for the embedded digits.
  import tensorflow_datasets as tfds

  builder = tfds.builder_from_directory(directory)
  if builder.info.file_format.file_suffix != 'array_record':
    raise UserError(
      f'{directory} was prepared as {builder.info.file_format.value}, which '
      'cannot be read without TensorFlow; prepare it as array_record with '
      f'`python scripts/prepare_data.py {name}`'
    )
  train, test = (_read(builder.as_data_source(split)) for split in splits)
  return Dataset(train, test, builder.info.features['label'].num_classes)


def _read(source) -> Examples:
  records = source.__getitems__(range(len(source)))
  images = np.stack([record['image'] for record in records])
  labels = np.asarray([record['label'] for record in records], np.int32)
  return Examples(images.squeeze(-1), labels)


def data_directories() -> list[Path]:
  """Where prepared data sets are looked for, in this order."""
  chosen = os.environ.get('TFDS_DATA_DIR')
  if chosen:
    return [Path(chosen)]
  return [
    PROJECT.parent / 'shared' / 'tensorflow_datasets',
    Path.home() / 'tensorflow_datasets',
  ]


def find_prepared(name: str) -> Path:
  """The directory of the newest prepared version of a TFDS data set.

  Raises:
    UserError: no directory of `data_directories` has one.
  """
  for directory in data_directories():
    versions = sorted(directory.glob(f'{name}/*/dataset_info.json'))
    if versions:
      return versions[-1].parent
  searched = ' or '.join(str(directory) for directory in data_directories())
  raise UserError(
    f'data set {name!r} is not in {searched}; set TFDS_DATA_DIR, prepare it with '
    f'`python scripts/prepare_data.py {name}`, or train on the embedded digits '
    'with --config.dataset.name=digits'
  )

"""Data sets as raw bytes and labels, from scikit-learn's wheel or from TFDS.

The only file that knows TFDS. Does not know what becomes of an image.
"""

import contextlib
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from bn_repro.data.prepared import DESCRIPTION, DIGITS, find_prepared, preparing
from bn_repro.run import damage, durations
from bn_repro.run.errors import MachineError, UserError, one_line

# Data sets whose images all have one size, small enough to keep them decoded.
ONE_SIZE = ('mnist', 'digits', 'cifar10', 'imagenette_160')
TRAIN = 'train'
HELD_OUT = ('validation', 'test')  # the first that a data set has
_DESCRIPTIONS = (DESCRIPTION, 'features.json')


class Examples(NamedTuple):
  """`images` `[n, height, width, ...]` uint8 of 0 to 255, `labels` `[n]` int32."""

  images: np.ndarray
  labels: np.ndarray


class Dataset(NamedTuple):
  """The two halves of a data set and the number of its classes."""

  train: Examples
  test: Examples
  num_classes: int


class Record(NamedTuple):
  """One example as it is stored; messages call it by its `name`."""

  data: bytes
  label: int
  name: str


class Stored(NamedTuple):
  """A prepared data set: names of its classes, if any; number and files of examples."""

  classes: list[str] | None
  num_classes: int
  splits: dict[str, tuple[int, list[Path]]]


class Split:
  """One half of a prepared image data set, its images still compressed.

  Can be sent to other processes.
  """

  def __init__(self, name: str, split: str, num_classes: int):
    """Opens 'train', or for any other `split` the held-out half of the data set."""
    self._stored = name, find_prepared(name)
    self._num_classes = num_classes
    with _builder(name) as builder:
      self._split = _split_name(builder, split)
      check_classes(name, builder.info.features['label'].num_classes, num_classes)
      self._source = _opened(builder, self._split, are_decoded=False)

  def __len__(self) -> int:
    return len(self._source)

  def __getitem__(self, index: int) -> Record:
    with _damage_reported(*self._stored):
      stored = self._source[index]
    name = f'{self._split} example {index}'
    if 'file_name' in stored:
      name += f' ({_text(stored["file_name"])})'
    label = int(stored['label'])
    if not 0 <= label < self._num_classes:
      raise UserError(
        f'{name} has label {label}, outside 0 to {self._num_classes - 1}; '
        'prepare the data set again'
      )
    return Record(stored['image'], label, name)


def check_classes(name: str, actual: int, configured: int) -> None:
  """Raises UserError unless a data set has the number of classes of the config."""
  if actual != configured:
    raise UserError(
      f'config.dataset.num_classes={configured}, but {name} has {actual} classes; '
      f'set it to {actual}'
    )


def _text(value) -> str:
  return value.decode(errors='replace') if isinstance(value, bytes) else str(value)


def load(name: str) -> Dataset:
  """All of a data set of grey images."""
  if name == DIGITS:
    return digits()
  with _builder(name) as builder:
    train, test = (_read(_opened(builder, split)) for split in (TRAIN, 'test'))
    return Dataset(train, test, builder.info.features['label'].num_classes)


def digits() -> Dataset:
  """scikit-learn's 1,797 real 8x8 digits; every fifth image is a test image."""
  # The file alone: to import scikit-learn takes a second or two.
  package = importlib.util.find_spec('sklearn')
  if package is None:
    raise ImportError("No module named 'sklearn'")
  path = Path(package.origin).parent / 'datasets' / 'data' / 'digits.csv.gz'
  table = np.loadtxt(path, delimiter=',')
  images = np.round(table[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
  labels = table[:, -1].astype(np.int32)
  is_test = np.arange(len(images)) % 5 == 0
  return Dataset(
    Examples(images[~is_test], labels[~is_test]),
    Examples(images[is_test], labels[is_test]),
    num_classes=10,
  )


def num_training_examples(name: str) -> int:
  """The number of training examples, which are not read for it."""
  if name == DIGITS:
    return len(digits().train.labels)
  directory = find_prepared(name)
  with _damage_reported(name, directory):
    info = json.loads((directory / DESCRIPTION).read_bytes())
    shards = {split['name']: split['shardLengths'] for split in info['splits']}
    lengths = {split: sum(map(int, each)) for split, each in shards.items()}
  if TRAIN not in lengths:
    raise UserError(f'{name} has no split {TRAIN!r}, only {", ".join(lengths)}')
  return lengths[TRAIN]


def number_of_steps(config: ConfigDict) -> int:
  """The number of steps that a config trains for."""
  num_examples = num_training_examples(config.dataset.name)
  return durations.lengths(config, num_examples).train_for


def stored(name: str) -> Stored:
  """Classes, numbers of examples and files of both halves of a prepared data set."""
  with _builder(name) as builder:
    label, infos = builder.info.features['label'], builder.info.splits
    held_out = next((split for split in HELD_OUT if split in infos), None)
    splits = {
      split: (sum(infos[split].shard_lengths), [*map(Path, infos[split].filepaths)])
      for split in (TRAIN, held_out)
      if split in infos
    }
    [path.stat() for _, files in splits.values() for path in files]  # none is missing
    return Stored(_class_names(find_prepared(name)), label.num_classes, splits)


def _class_names(directory: Path) -> list[str] | None:
  """Names of the classes in the order of the labels; None if they have none.

  Read from their file: TFDS calls classes '0', '1', ... both where they have no names
  and where it could not read them.
  """
  path = directory / 'label.labels.txt'
  if damage.is_missing(path):
    return None
  names = map(str.strip, path.read_text('utf-8').split('\n'))
  return [name for name in names if name]


@contextlib.contextmanager
def _damage_reported(name: str, directory: Path) -> Iterator[None]:
  """Turns an exception into UserError if the data are damaged, else MachineError.

  TFDS and the decoders below it have no exceptions of their own for either.
  """
  try:
    yield
  except (UserError, MachineError, MemoryError):
    raise
  except Exception as error:
    form = _is_of_form(error)
    if cause := damage.other_cause(error, directory, _DESCRIPTIONS, form):
      raise damage.could_not_be_read(f'the data set in {directory}', cause) from error
    raise UserError(
      f'the data set in {directory} is damaged ({one_line(error)}); move that '
      f'directory away and run {preparing(name)}'
    ) from error


def _is_of_form(error: Exception) -> bool:
  """Whether array_record or protobuf says that a file is not of its format."""
  if type(error).__module__.startswith('google.protobuf'):
    return True
  words = 'Riegeli|ArrayRecord|chunk'
  return type(error) is RuntimeError and bool(re.search(words, str(error)))


def _read(source) -> Examples:
  records = source.__getitems__(range(len(source)))
  images = np.stack([record['image'] for record in records])
  labels = np.asarray([record['label'] for record in records], np.int32)
  return Examples(images.squeeze(-1), labels)


@contextlib.contextmanager
def _builder(name: str):
  """The TFDS builder of a prepared data set; damage met in the block is reported."""
  directory = find_prepared(name)
  # Slow to import, and not needed for the embedded digits.
  import tensorflow_datasets as tfds

  with _damage_reported(name, directory):
    builder = tfds.builder_from_directory(directory)
    if builder.info.file_format.file_suffix != 'array_record':
      raise UserError(
        f'{directory} was prepared as {builder.info.file_format.value}, which '
        'cannot be read without TensorFlow; prepare it as array_record with '
        f'{preparing(name)}'
      )
    yield builder


def _opened(builder, split: str, are_decoded: bool = True):
  """A split to read from, after checking the number of examples in its files.

  The bytes of examples carry check sums; their number is in dataset_info.json alone.
  """
  import tensorflow_datasets as tfds
  from array_record.python.array_record_module import ArrayRecordReader

  stored = builder.info.splits[split]
  for path, length in zip(stored.filepaths, stored.shard_lengths, strict=True):
    reader = ArrayRecordReader(str(path))
    number = reader.num_records()
    reader.close()
    if number != length:
      raise ValueError(f'{path.name} holds {number} examples, not {length}')
  decoders = None if are_decoded else {'image': tfds.decode.SkipDecoding()}
  return builder.as_data_source(split, decoders=decoders)


def _split_name(builder, split: str) -> str:
  """'train', or the data set's name of its held-out half."""
  wanted = (TRAIN,) if split == TRAIN else HELD_OUT
  for name in wanted:
    if name in builder.info.splits:
      return name
  there = ', '.join(builder.info.splits)
  raise UserError(
    f'{builder.info.name} has no split {" or ".join(map(repr, wanted))}, only {there}'
  )

"""Data sets as raw bytes and labels, or decoded; from scikit-learn's wheel or TFDS."""

import functools
import importlib.util
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8
from ml_collections import ConfigDict

from bn_repro.data import builders, decode, features
from bn_repro.data.builders import AT_ONCE, HELD_OUT, TRAIN
from bn_repro.data.prepared import DESCRIPTION, DIGITS, FORMATS, find_prepared
from bn_repro.run import damage, durations
from bn_repro.run.errors import UserError

# Data sets whose images all have one size, small enough to keep them decoded, whatever
# their features say.
ONE_SIZE = ('mnist', 'digits', 'cifar10', 'imagenette_160')
# Bytes of decoded images in RGB up to which other sets of one size are kept decoded.
_KEPT = 2**31


class Examples(NamedTuple):
  """Decoded images and their labels."""

  images: UInt8[np.ndarray, 'n height width *channels']
  labels: Int32[np.ndarray, ' n']


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
  """One half of a prepared image data set, its images compressed; can be pickled."""

  def __init__(self, name: str, split: str, num_classes: int | None = None):
    """Opens 'train', or for any other `split` the held-out half of the data set.

    Raises UserError if it has not `num_classes`, where that is given.
    """
    self._stored = name, find_prepared(name)
    with builders.open_builder(name) as builder:
      self._split = builders.split_name(builder, split)
      self._features = features.of(name, builder.info)
      self.num_classes = builders.num_classes(builder, self._features)
      if num_classes is not None:
        check_classes(name, self.num_classes, num_classes)
      self._source = builders.open_split(builder, self._split, self._features)

  def __len__(self) -> int:
    return len(self._source)

  @property
  def is_grey(self) -> bool:
    """Whether its images have one channel."""
    return self._features.shape[-1] == 1

  def size(self) -> tuple[int, ...]:
    """Height and width of its images as its features say, or else of the first."""
    size = self._features.shape[:2]
    if None not in size:
      return size
    first = self[0]
    return decode.read_whole(first.data, first.name, self.is_grey).shape[:2]

  @property
  def is_kept(self) -> bool:
    """Whether its images have one size and are few enough to be kept decoded."""
    height, width, _ = self._features.shape
    return self._stored[0] in ONE_SIZE or bool(
      height and width and 3 * height * width * len(self) <= _KEPT
    )

  def __getitem__(self, index: int) -> Record:
    with builders.damage_reported(*self._stored):
      stored = self._source[index]
    return self._record(index, stored)

  def decoded(
    self, read: Callable[[bytes, str], np.ndarray | None]
  ) -> tuple[list[np.ndarray | None], list[int]]:
    """`read(data, name)` of each image, by threads, and the labels."""
    starts = range(0, len(self), AT_ONCE)
    with ThreadPoolExecutor() as threads:
      try:
        parts = threads.map(functools.partial(self._read_some, read), starts)
        pairs = [pair for part in parts for pair in part]
      finally:
        threads.shutdown(cancel_futures=True)  # after an error no other is begun
    return [image for image, _ in pairs], [label for _, label in pairs]

  def _read_some(self, read: Callable, start: int) -> list[tuple]:
    indices = range(start, min(start + AT_ONCE, len(self)))
    with builders.damage_reported(*self._stored):
      several = self._source.__getitems__(indices)
    records = map(self._record, indices, several)
    return [(read(record.data, record.name), record.label) for record in records]

  def _record(self, index: int, stored: dict) -> Record:
    name = f'{self._split} example {index}'
    if 'file_name' in stored:
      name += f' ({_text(stored["file_name"])})'
    label = int(stored[self._features.label])
    if not 0 <= label < self.num_classes:
      raise UserError(
        f'{name} has label {label}, outside 0 to {self.num_classes - 1}; '
        'prepare the data set again'
      )
    return Record(stored[self._features.image], label, name)


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
  """All of a data set, decoded: grey images, or in colour with a last axis of 3."""
  if name == DIGITS:
    return digits()
  halves = [Split(name, half) for half in (TRAIN, 'test')]
  with builders.damage_reported(name, find_prepared(name)):
    read = functools.partial(_read_of_size, name, halves[0].size(), halves[0].is_grey)
    decoded = [half.decoded(read) for half in halves]
    train, test = (
      Examples(np.stack(images), np.asarray(labels, np.int32))
      for images, labels in decoded
    )
  return Dataset(train, test, halves[0].num_classes)


def _read_of_size(
  name: str, size: tuple[int, ...], is_grey: bool, data: bytes, record: str
) -> np.ndarray:
  image = decode.read_whole(data, record, is_grey)
  if image.shape[:2] != size:
    one, other = ('x'.join(map(str, each)) for each in (size, image.shape[:2]))
    raise UserError(
      f'the images of {name} differ in size ({one} and {other}), and the network of '
      'section 4.1 takes images of one size; choose one of section 4.2, such as '
      'configs/bn_x30.py'
    )
  return image


def format_of(name: str) -> tuple[tuple[int, ...], int]:
  """Height, width and, in colour, 3 of a set's images; its number of classes."""
  if name in FORMATS:
    return FORMATS[name]
  half = Split(name, TRAIN)
  with builders.damage_reported(name, find_prepared(name)):
    return (*half.size(), *(() if half.is_grey else (3,))), half.num_classes


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
  """The number of training examples; of a prepared set from its description alone."""
  if name == DIGITS:
    return len(digits().train.labels)
  directory = find_prepared(name)
  with builders.damage_reported(name, directory):
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
  with builders.open_builder(name) as builder:
    described, infos = features.of(name, builder.info), builder.info.splits
    held_out = next((split for split in HELD_OUT if split in infos), None)
    splits = {
      split: (sum(infos[split].shard_lengths), [*map(Path, infos[split].filepaths)])
      for split in (TRAIN, held_out)
      if split in infos
    }
    [path.stat() for _, files in splits.values() for path in files]  # none is missing
    names = _class_names(find_prepared(name), described.label)
    return Stored(names, builders.num_classes(builder, described), splits)


def _class_names(directory: Path, label: str) -> list[str] | None:
  """Names of the classes in the order of the labels; None if they have none.

  Read from their file: TFDS calls classes '0', '1', ... both where they have no names
  and where it could not read them.
  """
  path = directory / f'{label}.labels.txt'
  if damage.is_missing(path):
    return None
  names = map(str.strip, path.read_text('utf-8').split('\n'))
  return [name for name in names if name]

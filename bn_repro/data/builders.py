"""Opens prepared data sets of TFDS; with features.py the only file that knows TFDS."""

import contextlib
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from bn_repro.data import decode, features
from bn_repro.data.features import ImageAndLabel
from bn_repro.data.prepared import DESCRIPTION, find_prepared, preparing
from bn_repro.run import damage
from bn_repro.run.errors import MachineError, UserError, one_line

TRAIN = 'train'
HELD_OUT = ('validation', 'test')  # the first that a data set has
AT_ONCE = 1000  # records that are read together, eight times as fast as one by one
_DESCRIPTIONS = (DESCRIPTION, features.NAME)
_MOST_CLASSES = 2**20  # as of config.dataset.num_classes


@contextlib.contextmanager
def open_builder(name: str):
  """The TFDS builder of a prepared data set; damage met in the block is reported."""
  directory = find_prepared(name)
  # Slow to import, and not needed for the embedded digits.
  import tensorflow_datasets as tfds

  with damage_reported(name, directory):
    # To describe videos TFDS imports TensorFlow, or says in many lines that it cannot.
    if b'video_feature' in (directory / features.NAME).read_bytes():
      raise UserError(f'{name} has videos; choose a data set of images')
    builder = tfds.builder_from_directory(directory)
    if builder.info.file_format.file_suffix != 'array_record':
      raise UserError(
        f'{directory} was prepared as {builder.info.file_format.value}, which '
        'cannot be read without TensorFlow; prepare it as array_record with '
        f'{preparing(name)}'
      )
    yield builder


def open_split(builder, split: str, described: ImageAndLabel):
  """A split to read from, after checking the number of examples in its files.

  Images stay compressed, also those that nothing reads. The bytes of examples carry
  check sums; their number is in dataset_info.json alone.
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
  decoders = {image: tfds.decode.SkipDecoding() for image in described.images}
  return builder.as_data_source(split, decoders=decoders)


def split_name(builder, split: str) -> str:
  """'train', or the data set's name of its held-out half."""
  wanted = (TRAIN,) if split == TRAIN else HELD_OUT
  for name in wanted:
    if name in builder.info.splits:
      return name
  there = ', '.join(builder.info.splits)
  raise UserError(
    f'{builder.info.name} has no split {" or ".join(map(repr, wanted))}, only {there}'
  )


def num_classes(builder, described: ImageAndLabel) -> int:
  """That of the ClassLabel; for plain integers the largest label of all, plus 1."""
  if described.num_classes:
    return described.num_classes
  information = Path(builder.data_path) / DESCRIPTION
  largest = _largest_label(information.parent, information.stat().st_mtime_ns)
  if largest >= _MOST_CLASSES:
    raise UserError(
      f'{builder.info.name} has labels up to {largest:,}; choose a data set of at most '
      f'{_MOST_CLASSES:,} classes'
    )
  return largest + 1


@functools.lru_cache(maxsize=8)
def _largest_label(directory: Path, changed: int) -> int:
  """Reads both halves of a data set that was `changed` at that time."""
  import tensorflow_datasets as tfds

  builder, largest = tfds.builder_from_directory(directory), -1
  described = features.of(builder.info.name, builder.info)
  for split in {TRAIN, *HELD_OUT} & {*builder.info.splits}:
    source = open_split(builder, split, described)
    for start in range(0, len(source), AT_ONCE):
      several = source.__getitems__(range(start, min(start + AT_ONCE, len(source))))
      largest = max(largest, *(int(each[described.label]) for each in several))
  return largest


@contextlib.contextmanager
def damage_reported(name: str, directory: Path) -> Iterator[None]:
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
  """Whether array_record, protobuf or Pillow says that data are not of its format."""
  if type(error).__module__.startswith('google.protobuf'):
    return True
  if isinstance(error, decode.CorruptImage):
    return True
  words = 'Riegeli|ArrayRecord|chunk'
  return type(error) is RuntimeError and bool(re.search(words, str(error)))

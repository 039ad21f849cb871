"""Data sets of a few made images, prepared as TFDS does but without TensorFlow."""

import io
import itertools
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from ml_collections import ConfigDict
from PIL import Image
from tensorflow_datasets.proto import tf_example_pb2

from bn_repro.data import sources
from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError
from support import PROJECT

NUM_CLASSES = 100  # more than any data set here has examples


class Stored(NamedTuple):
  """One example: the bytes of its image, good or not, and its label."""

  data: bytes
  label: int


def prepare(
  data_dir: Path,
  name: str,
  train: list[Stored] | None,
  validation: list[Stored] | None = None,
  has_file_names: bool = True,
  classes: list[str] | None = None,
) -> None:
  """Writes a data set to where TFDS_DATA_DIR=`data_dir` finds it; None: no such split.

  Example i is called 'i.jpg', if the data set has names. Without `classes` it has
  `NUM_CLASSES` without names.
  """
  features = {
    'image': tfds.features.Image(shape=(None, None, 3), encoding_format='jpeg'),
    'label': tfds.features.ClassLabel(names=classes)
    if classes
    else tfds.features.ClassLabel(num_classes=NUM_CLASSES),
  }
  if has_file_names:
    features['file_name'] = tfds.features.Text()
  splits = {'train': train, 'validation': validation}
  _write(data_dir, name, features, splits)


def prepare_with(data_dir: Path, name: str, features: dict, **splits) -> None:
  """Writes a data set of other features, with splits of these names."""
  _write(data_dir, name, features, splits)


def prepare_mnist(data_dir: Path, train: list[Stored], test: list[Stored]) -> None:
  """Writes other images in place of MNIST's to where TFDS_DATA_DIR finds them."""
  features = {
    'image': tfds.features.Image(shape=(28, 28, 1), encoding_format='png'),
    'label': tfds.features.ClassLabel(num_classes=10),
  }
  _write(data_dir, 'mnist', features, {'train': train, 'test': test})


def _write(data_dir: Path, name: str, features: dict, splits: dict) -> None:
  directory = data_dir / name / '1.0.0'
  directory.mkdir(parents=True)
  tfds.features.FeaturesDict(features).save_config(str(directory))
  there = {split: stored for split, stored in splits.items() if stored is not None}
  for split, stored in there.items():
    path = directory / f'{_stem(name)}-{split}.array_record-00000-of-00001'
    writer = ArrayRecordWriter(str(path), 'group_size:1')
    for i, example in enumerate(stored):
      writer.write(
        _serialized(example, f'{i}.jpg' if 'file_name' in features else None)
      )
    writer.close()
  (directory / 'dataset_info.json').write_text(json.dumps(_information(name, there)))


def _stem(name: str) -> str:
  """The name without a configuration, which stands in its path alone."""
  return name.partition('/')[0]


def _information(name: str, splits: dict[str, list[Stored]]) -> dict:
  described = [
    {
      'name': split,
      'shardLengths': [str(len(stored))],
      'filepathTemplate': '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
    }
    for split, stored in splits.items()
  ]
  return {
    'name': _stem(name), 'version': '1.0.0', 'fileFormat': 'array_record',
    'splits': described,
  }  # fmt: skip


def _serialized(example: Stored, file_name: str | None) -> bytes:
  proto = tf_example_pb2.Example()
  feature = proto.features.feature
  feature['image'].bytes_list.value.append(example.data)
  feature['label'].int64_list.value.append(example.label)
  if file_name is not None:
    feature['file_name'].bytes_list.value.append(file_name.encode())
  return proto.SerializeToString()


def photograph(seed: int, height: int, width: int, mode='RGB', kind='JPEG') -> bytes:
  """An image file that differs from place to place and from seed to seed, smoothly."""
  coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
  image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
  file = io.BytesIO()
  image.convert(mode).save(file, kind)
  return file.getvalue()


def examples(number: int, sizes=((40, 48),), kind='JPEG', broken=()) -> list[Stored]:
  """Photographs of these sizes in turn; example i has label i, to tell them apart.

  Those of the indices `broken` end too early or are no image at all, in turn.
  """
  data = [
    photograph(i, *size, kind=kind)
    for i, size in zip(range(number), itertools.cycle(sizes))
  ]
  for i, is_cut_off in zip(broken, itertools.cycle((True, False))):
    noise = np.random.default_rng(i).bytes(500)
    data[i] = data[i][: len(data[i]) // 2] if is_cut_off else noise
  return [Stored(image, label) for label, image in enumerate(data)]


def small_config(name: str, **overrides) -> ConfigDict:
  """BN-x5 on crops of 16 pixels of a prepared data set, 6 of them a step."""
  fields = {
    'dataset.name': name,
    'dataset.size': 16,
    'dataset.num_classes': NUM_CLASSES,
    'dataset.mirror': True,
    'batch_size': 6,
    'model.normalization_group': 0,
  }
  location = str(PROJECT / 'configs' / 'bn_x5.py:digits')
  return config_lib.load(location, fields | overrides)


def is_prepared(name: str) -> bool:
  """Whether a data set was prepared on this machine."""
  try:
    sources.find_prepared(name)
  except UserError:
    return False
  return True


class FirstOf:
  """The first few examples of a `sources.Split`."""

  def __init__(self, split: sources.Split, number: int):
    self._split, self._number = split, number

  def __len__(self) -> int:
    return self._number

  def __getitem__(self, index: int) -> sources.Record:
    return self._split[index]

  def decoded(self, read) -> tuple[list, list]:
    records = [self[i] for i in range(self._number)]
    return [read(r.data, r.name) for r in records], [r.label for r in records]

"""Data sets that are not where TFDS_DATA_DIR says, or are damaged there."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from reliability.hostile_case import FOLDER, WORKDIR, Case
from reliability.hostile_values import NO_TEXT

_CLASSES = 'tensorflow_datasets.core.features.'
_INFORMATION = {
  'name': 'mnist',
  'version': '3.0.1',
  'fileFormat': 'array_record',
  'splits': [
    {
      'name': split,
      'shardLengths': ['70'],
      'filepathTemplate': '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
    }
    for split in ('train', 'test')
  ],
}
_FEATURES = {
  'pythonClassName': f'{_CLASSES}features_dict.FeaturesDict',
  'featuresDict': {
    'features': {
      'image': {
        'pythonClassName': f'{_CLASSES}image_feature.Image',
        'image': {'shape': {'dimensions': ['28', '28', '1']}, 'dtype': 'uint8'},
      },
      'label': {
        'pythonClassName': f'{_CLASSES}class_label_feature.ClassLabel',
        'classLabel': {'numClasses': '10'},
      },
    }
  },
}
_SHARDS = tuple(
  f'mnist-{split}.array_record-00000-of-00001' for split in ('train', 'test')
)
# File of a prepared data set: what stands there instead.
DAMAGES: Mapping[str, Mapping[str, str | bytes]] = {
  'no shards': {},
  'empty shards': dict.fromkeys(_SHARDS, b''),
  'shards of garbage': dict.fromkeys(_SHARDS, bytes(range(256)) * 1000),
  'shards of zeros': dict.fromkeys(_SHARDS, bytes(200_000)),
  'empty information': {'dataset_info.json': ''},
  'half of the information': {'dataset_info.json': '{"name": "mnist", '},
  'a list of information': {'dataset_info.json': '[]'},
  'information without splits': {'dataset_info.json': '{"name": "mnist"}'},
  'information that is no text': {'dataset_info.json': b'\xff\xfe'},
  'splits that are numbers': {'dataset_info.json': '{"splits": [1]}'},
  'another format': {
    'dataset_info.json': json.dumps(_INFORMATION | {'fileFormat': 'x'})
  },
  'empty features': {'features.json': ''},
  'a list of features': {'features.json': '[]'},
  'features of no class': {'features.json': '{"pythonClassName": "no.such.Class"}'},
}


def damaged() -> list[Case]:
  """Prepared data sets, something of which is gone or another."""
  return [
    Case(
      'damaged data',
      f'{name}, for {config}',
      (f'--config={config}', WORKDIR, '--config.dataset.name=mnist'),
      _prepared(damage),
      {'TFDS_DATA_DIR': f'{FOLDER}/data'},
      is_quick=False,
    )
    for name, damage in DAMAGES.items()
    for config in ('configs/mnist.py', 'configs/bn_x5.py:digits')
  ]


def _prepared(damage: Mapping[str, str | bytes]) -> Callable[[Path], None]:
  whole = {
    'dataset_info.json': json.dumps(_INFORMATION),
    'features.json': json.dumps(_FEATURES),
  }

  def lay_out(folder: Path) -> None:
    directory = folder / 'data' / 'mnist' / '3.0.1'
    directory.mkdir(parents=True)
    for name, content in (whole | damage).items():
      data = content.encode() if isinstance(content, str) else content
      (directory / name).write_bytes(data)

  return lay_out


def missing() -> list[Case]:
  """Data sets that are not where TFDS_DATA_DIR says."""
  places = {
    'missing': '/nowhere', 'a file': f'{FOLDER}/file', 
    'below a file': f'{FOLDER}/file/x',
    'empty folder': f'{FOLDER}/empty', 'a device': '/dev/zero', 'long': 'x' * 5000,
    'two lines': f'{FOLDER}/a\nb', 'a pattern': '/*', 'home': '~', 'no text': NO_TEXT,
  }  # fmt: skip
  configs = (
    'configs/mnist.py',
    'configs/bn_x5.py:imagenette',
    'configs/bn_x5.py:cifar10',
  )

  def lay_out(folder: Path) -> None:
    (folder / 'file').touch()
    (folder / 'empty').mkdir()

  return [
    Case(
      'data directory',
      f'{name}, for {config}',
      (f'--config={config}', WORKDIR),
      lay_out,
      {'TFDS_DATA_DIR': place},
      is_quick=False,
    )
    for name, place in places.items()
    for config in configs
  ]

"""What prepare_data.py is given, checked before anything is installed or built.

Needs nothing but Python. Each mistake raises a `UserError` of one line.
"""

import os
import re
import shutil
import tarfile
from pathlib import Path
from typing import NamedTuple

import project  # noqa: F401

from bn_repro.run import damage
from bn_repro.run.errors import UserError

HELD_OUT = ('validation', 'val', 'test')
VERSION = '1.0.0'  # of every data set made from a folder
TRAIN_ARCHIVE = 'ILSVRC2012_img_train.tar'
VALIDATION_ARCHIVE = 'ILSVRC2012_img_val.tar'
IMAGE_NET = 'fetch it from image-net.org, which asks for an account'
NUM_CLASSES, NUM_VALIDATION_IMAGES = 1_000, 50_000
NOT_NAMES = ('digits', 'downloads', 'folder')  # each means something else here
# Of the formats that training reads.
STARTS = (b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n', b'GIF8', b'BM')


class ImageFolder(NamedTuple):
  """Class names in the order of their labels, and the folder of each split."""

  classes: list[str]
  splits: dict[str, Path]

  def class_folders(self) -> list[Path]:
    """Those of every split, in order."""
    return [split / name for split in self.splits.values() for name in self.classes]


def image_folder(directory: Path) -> ImageFolder:
  """The splits of a folder of class folders: `train`, `validation` and maybe `test`.

  `validation` may be called `val`; where there is neither, `test` is stored as
  validation. Files beside the class folders and hidden files are left out.
  """
  if not directory.is_dir():
    raise UserError(f'no folder {directory}; --images is one with train/CLASS/*.jpg')
  there = [name for name in HELD_OUT if (directory / name).is_dir()]
  names = ['train', *there]
  if not (directory / 'train').is_dir() or not there or {*HELD_OUT[:2]} <= {*there}:
    raise UserError(
      f'{directory} must have train and one of {", ".join(HELD_OUT)} (or test beside '
      'one of the others), each a folder of class folders; it has '
      f'{listed(_folders(directory)) or "no folder"}'
    )
  splits = dict(zip(('train', 'validation', 'test'), map(directory.joinpath, names)))
  classes = {path: _classes(path) for path in splits.values()}
  for path in classes:
    _check_same_classes(splits['train'], path, classes)
  return ImageFolder(classes[splits['train']], splits)


def _check_same_classes(first: Path, second: Path, classes: dict) -> None:
  one, other = {*classes[first]}, {*classes[second]}
  if one != other:
    raise UserError(
      f'the classes of {first} and {second} differ: only in the first '
      f'{listed(sorted(one - other)) or "none"}, only in the second '
      f'{listed(sorted(other - one)) or "none"}'
    )


def _classes(directory: Path) -> list[str]:
  classes = _folders(directory)
  if not classes:
    raise UserError(f'no class folders in {directory}; images go into CLASS/*.jpg')
  for name in classes:
    # TFDS keeps names as lines of a text file.
    if name != name.strip() or not name.isprintable():
      raise UserError(f'{directory} has the class {name!a}; rename it, as plain text')
  return classes


def _folders(directory: Path) -> list[str]:
  return sorted(
    path.name
    for path in directory.iterdir()
    if path.is_dir() and not path.name.startswith('.')
  )


def listed(names: list, most: int = 8) -> str:
  """The first of them with commas, and how many more there are."""
  more = [f'and {len(names) - most:,} more'] if len(names) > most else []
  return ', '.join([*map(str, names[:most]), *more])


def images_of(class_folder: Path) -> list[Path]:
  """The files of a class folder by name, hidden ones left out."""
  return sorted(
    path for path in class_folder.iterdir() if not path.name.startswith('.')
  )


def check_images(folder: ImageFolder, on_corrupt: str = 'stop') -> int:
  """The size of all images in bytes; refuses empty classes and files of other kinds.

  And names that cannot be stored. Where pictures may be skipped, neither names nor
  first bytes are looked at.
  """
  size, empty, others, unnamed = 0, [], [], []
  for class_folder in folder.class_folders():
    images = images_of(class_folder)
    empty += [] if images else [class_folder]
    if on_corrupt == 'stop':
      others += [image for image in images if not _is_image(image)]
      unnamed += [image for image in images if not is_text(image.name)]
    size += sum(image.stat().st_size for image in images if image.is_file())
  if empty:
    raise UserError(f'no images in {listed(empty)}; a class needs one in each part')
  if others:
    raise UserError(
      f'only JPEG, PNG, GIF and BMP files are stored, and this is none: '
      f'{listed(others)}; convert it, take it out, or leave such files out with '
      '--on_corrupt=skip'
    )
  if unnamed:
    raise UserError(
      f'names of files are stored as UTF-8, which {listed(unnamed)} is not; rename it, '
      'or leave such files out with --on_corrupt=skip'
    )
  return size


def is_text(name: str) -> bool:
  """Whether a file's name, which on Linux may be any bytes, can be stored as text."""
  try:
    return bool(name.encode())
  except UnicodeEncodeError:
    return False


def _is_image(path: Path) -> bool:
  """By the first bytes, since names lie; the rest is decoded later."""
  if not path.is_file():
    return False
  try:
    with open(path, 'rb') as file:
      return file.read(8).startswith(STARTS)
  except OSError as error:
    raise UserError(f'{path} cannot be read: {error.strerror}') from error


def check_name(name: str, data_dir: Path) -> None:
  """Refuses a name that TFDS does not take, or of a data set that is there."""
  if not re.fullmatch('[a-z][a-z0-9_]*', name) or name in NOT_NAMES:
    raise UserError(
      f'--name={name} cannot be used; TFDS takes small letters, digits and _ after a '
      f'letter, such as my_images, and {", ".join(NOT_NAMES)} are taken'
    )
  prepared = [path.parent for path in data_dir.glob(f'{name}/*/dataset_info.json')]
  if prepared or (data_dir / name / VERSION).exists():
    raise UserError(
      f'{prepared[0] if prepared else data_dir / name / VERSION} is there already '
      'and stays as it is; delete it or choose another --name'
    )


def check_archives(directory: Path) -> int:
  """The size of the two archives of ILSVRC 2012 in bytes; refuses all others."""
  train, validation = directory / TRAIN_ARCHIVE, directory / VALIDATION_ARCHIVE
  for path in (train, validation):
    if not path.is_file():
      raise UserError(f'{path.name} is not in {directory}; {IMAGE_NET}')
  classes, images = _members(train), _members(validation)
  # By position is how TFDS labels validation images: a gap would shift all labels.
  numbered = (f'ILSVRC2012_val_{i + 1:08d}.JPEG' for i in range(len(images)))
  wrong = [name for name in classes if not re.fullmatch(r'n\d{8}\.tar', name)]
  wrong += [name for name, right in zip(sorted(images), numbered) if name != right]
  if wrong:
    raise UserError(f'{wrong[0]} is not in the original archives; {IMAGE_NET}')
  for path, entries, all_of in (
    (train, len(classes), NUM_CLASSES),
    (validation, len(images), NUM_VALIDATION_IMAGES),
  ):
    if entries != all_of:
      print(f'note: {path} is a part of the original: {entries:,} entries of '
            f'{all_of:,}', flush=True)  # fmt: skip
  return train.stat().st_size + validation.stat().st_size


def _members(archive: Path) -> list[str]:
  try:
    with tarfile.open(archive, 'r:') as tar:
      names = tar.getnames()
  except OSError as error:
    raise damage.could_not_be_read(archive, error) from error
  except tarfile.TarError as error:
    raise UserError(
      f'{archive} is no whole tar file ({error}); {IMAGE_NET}, once more'
    ) from error
  if not names:
    raise UserError(f'{archive} is an empty tar file; {IMAGE_NET}, once more')
  return names


def check_data_dir(data_dir: Path, needed: int) -> None:
  """Makes the directory of data sets, which must have room for `needed` bytes."""
  try:
    data_dir.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise UserError(f'--data_dir={data_dir}: {error.strerror}') from error
  if not os.access(data_dir, os.W_OK):
    raise UserError(f'--data_dir={data_dir} cannot be written')
  free = shutil.disk_usage(data_dir).free
  if free < needed:
    raise UserError(
      f'{data_dir} has {free / 1e9:,.1f} GB free and the images take '
      f'{needed / 1e9:,.1f} GB; make room or choose another --data_dir'
    )

"""What prepare_data.py is given, checked before anything is installed or built.

Needs nothing but Python. Each mistake is a `UserError` of one line.
"""

import os
import re
import shutil
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bn_repro.errors import UserError

HELD_OUT = ('validation', 'val', 'test')
VERSION = '1.0.0'  # of every data set made from a folder
TRAIN_ARCHIVE = 'ILSVRC2012_img_train.tar'
VALIDATION_ARCHIVE = 'ILSVRC2012_img_val.tar'
IMAGE_NET = 'fetch it from image-net.org, which asks for an account'
NUM_CLASSES, NUM_VALIDATION_IMAGES = 1_000, 50_000
NOT_NAMES = ('digits', 'downloads', 'folder')  # each means something else here
START_OF_JPEG = b'\xff\xd8\xff'


class ImageFolder(NamedTuple):
  """Class names in the order of their labels, and the folder of each split."""

  classes: list[str]
  splits: dict[str, Path]


def image_folder(directory: Path) -> ImageFolder:
  """The splits `train` and `validation` of a folder of class folders.

  The held-out half may be called `validation`, `val` or `test`, and there must be
  one of them. Files beside the class folders and hidden files are left out.

  Raises:
    UserError: a half is missing or their classes differ.
  """
  if not directory.is_dir():
    raise UserError(f'no folder {directory}; --images is one with train/CLASS/*.jpg')
  held_out = [name for name in HELD_OUT if (directory / name).is_dir()]
  if not (directory / 'train').is_dir() or len(held_out) != 1:
    raise UserError(
      f'{directory} must have train and one of {", ".join(HELD_OUT)}, each a folder of '
      f'class folders; it has {listed(_folders(directory)) or "no folder"}'
    )
  splits = {'train': directory / 'train', 'validation': directory / held_out[0]}
  train, validation = map(_classes, splits.values())
  if train != validation:
    only = [listed(sorted(set(a) - set(b))) or 'none'
            for a, b in ((train, validation), (validation, train))]  # fmt: skip
    raise UserError(
      f'the classes of {splits["train"]} and {splits["validation"]} differ: '
      f'only in the first {only[0]}, only in the second {only[1]}'
    )
  return ImageFolder(train, splits)


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


def check_images(folder: ImageFolder) -> int:
  """The size of all images in bytes.

  Raises:
    UserError: a class is empty, or a file is no JPEG or cannot be read.
  """
  size, empty, others = 0, [], []
  for split in folder.splits.values():
    for class_folder in (split / name for name in folder.classes):
      images = images_of(class_folder)
      empty += [] if images else [class_folder]
      others += [image for image in images if not _is_jpeg(image)]
      size += 0 if others else sum(image.stat().st_size for image in images)
  if empty:
    raise UserError(f'no images in {listed(empty)}; a class needs one in each half')
  if others:
    raise UserError(
      f'only JPEG files are stored, as they are, and this is none: {listed(others)}; '
      'convert it or take it out'
    )
  return size


def _is_jpeg(path: Path) -> bool:
  """By the first bytes, since names lie; the rest is not decoded."""
  if not path.is_file() or not path.name.isprintable():
    return False
  try:
    with open(path, 'rb') as file:
      return file.read(len(START_OF_JPEG)) == START_OF_JPEG
  except OSError as error:
    raise UserError(f'{path} cannot be read: {error.strerror}') from error


def check_name(name: str, data_dir: Path) -> None:
  """A folder's data set may be called so and nothing of that name is there.

  Raises:
    UserError: it may not, or there is.
  """
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
  """The size of the two archives of ILSVRC 2012 in bytes.

  Raises:
    UserError: one is missing, is no tar, is cut short or is not the original.
  """
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
  for path, found, all_of in (
    (train, len(classes), NUM_CLASSES),
    (validation, len(images), NUM_VALIDATION_IMAGES),
  ):
    if found != all_of:
      note = f'note: {path} is a part of the original: {found:,} entries of {all_of:,}'
      print(note, flush=True)
  return train.stat().st_size + validation.stat().st_size


def _members(archive: Path) -> list[str]:
  try:
    with tarfile.open(archive, 'r:') as tar:
      names = tar.getnames()
  except (tarfile.TarError, OSError) as error:
    raise UserError(
      f'{archive} is no whole tar file ({error}); {IMAGE_NET}, once more'
    ) from error
  if not names:
    raise UserError(f'{archive} is an empty tar file; {IMAGE_NET}, once more')
  return names


def check_data_dir(data_dir: Path, needed: int) -> None:
  """Makes the directory of data sets, if it is missing.

  Raises:
    UserError: it cannot be written, or has less room than `needed` bytes.
  """
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

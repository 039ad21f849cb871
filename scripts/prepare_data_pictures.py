"""Decodes every picture of a folder before anything is built: can training read it?

Says how many are sideways, transparent, animated, or of other colours or formats, and
what becomes of them. Needs Pillow, and no TensorFlow.
"""

import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps
from prepare_data_inputs import ImageFolder, UserError, images_of, is_text, listed
from tqdm import tqdm

from bn_repro.data import decode
from bn_repro.run import notices

APPLY = 'apply'
SKIP = 'skip'
QUALITY = 95  # of a JPEG that is turned, without subsampling of its colours
_ORIENTATION = 0x0112  # tag of EXIF; 1 is upright
_AT_ONCE = 512  # pictures under way, so that Ctrl-C is heard
_JPEG = ('JPEG', 'MPO')  # the latter, of cameras, holds several pictures
_SRGB = (b'sRGB', 'sRGB'.encode('utf-16-be'))
SIDEWAYS = 'sideways by their EXIF orientation'
# What is said of pictures of each kind, in this order.
_BECOMES = {
  'grey': 'stored as they are; training repeats the one channel three times',
  'CMYK': 'stored as they are; training converts them to RGB by formula',
  'with a palette': 'stored as they are; training looks the colours up',
  'with a colour profile other than sRGB': 'stored as they are; training does not '
  'apply the profile',
  'transparent': 'stored as they are; training drops the transparency, so that the '
  'colours beneath it show',
  'animated or of several frames': 'stored as they are; training reads the first frame',
  'PNG': 'stored as they are',
  'GIF': 'stored as they are',
  'BMP': 'stored as they are',
}
_TURNED = (
  f'turned upright and stored anew, JPEG at quality {QUALITY} with all of its colours, '
  'PNG without loss; --orientation=keep stores them as they are'
)
_KEPT = 'stored as they are (--orientation=keep); training sees them sideways'


class Picture(NamedTuple):
  """What a file holds: kinds of `_BECOMES` and `SIDEWAYS`, or why it cannot be read."""

  path: Path
  kinds: tuple[str, ...] = ()
  problem: str = ''


class Checked(NamedTuple):
  """What is to be done with some files of a folder.

  Attributes:
    left_out: files that cannot be read.
    turned: files that are stored upright.
    is_jpeg: whether all others, too, are JPEGs.
  """

  left_out: frozenset[Path]
  turned: frozenset[Path]
  is_jpeg: bool


def check(folder: ImageFolder, orientation: str, on_corrupt: str) -> Checked:
  """Decodes every picture, and says what there is and what becomes of it.

  Args:
    folder: of class folders; each must have a picture that can be read.
    orientation: 'apply' turns sideways pictures upright, 'keep' does not.
    on_corrupt: 'stop', or 'skip' to leave out what cannot be read.
  """
  paths = [path for part in folder.class_folders() for path in images_of(part)]
  print(f'checking {len(paths):,} pictures', flush=True)
  pictures = list(_examined(paths, folder))
  broken = [picture for picture in pictures if picture.problem]
  readable = [picture for picture in pictures if not picture.problem]
  if broken and on_corrupt != SKIP:
    raise UserError(_complaint(broken, len(paths)))
  left_out = frozenset(picture.path for picture in broken)
  _check_classes(folder, left_out)
  for line in report(readable, broken, orientation):
    print(line, flush=True)
  sideways = [picture.path for picture in readable if SIDEWAYS in picture.kinds]
  return Checked(
    left_out,
    turned=frozenset(sideways if orientation == APPLY else ()),
    is_jpeg=not any({'PNG', 'GIF', 'BMP'} & {*each.kinds} for each in readable),
  )


def _examined(paths: list[Path], folder: ImageFolder) -> Iterator[Picture]:
  root = folder.splits['train'].parent
  with (
    # Pillow decodes without Python's lock.
    ThreadPoolExecutor(os.cpu_count()) as threads,
    tqdm(total=len(paths), unit='picture', desc='check', disable=None) as bar,
  ):
    for start in range(0, len(paths), _AT_ONCE):
      for picture in threads.map(
        lambda path: examine(path, str(path.relative_to(root))),
        paths[start : start + _AT_ONCE],
      ):
        bar.update()
        yield picture


def examine(path: Path, name: str) -> Picture:
  """What a file holds, read whole and by the code that training reads it with."""
  if not is_text(path.name):
    return Picture(path, problem=f'the name of {name!a} is not UTF-8')
  try:
    data = path.read_bytes()
    decode.read_whole(data, name)
    return Picture(path, _kinds(data, name))
  except OSError as error:
    return Picture(path, problem=f'{name} cannot be read: {error.strerror or error}')
  except decode.CorruptImage as error:
    return Picture(path, problem=str(error))


def _kinds(data: bytes, name: str) -> tuple[str, ...]:
  with notices.reading(name):
    image = Image.open(io.BytesIO(data), formats=decode.FORMATS)
    holds = {
      SIDEWAYS: orientation_of(image) != 1,
      'grey': image.mode in ('1', 'L', 'LA'),
      'CMYK': image.mode == 'CMYK',
      'with a palette': image.mode in ('P', 'PA') and image.format != 'GIF',
      'with a colour profile other than sRGB': _has_other_profile(image),
      'transparent': image.has_transparency_data,
      'animated or of several frames': getattr(image, 'n_frames', 1) > 1,
      image.format: image.format not in _JPEG,
    }
  return tuple(kind for kind, is_so in holds.items() if is_so)


def orientation_of(image: Image.Image) -> int:
  """EXIF's, from 1 (upright) to 8; 1 where there is none that makes sense."""
  try:
    value = image.getexif().get(_ORIENTATION, 1)
  except Exception:  # its reader raises much on bad bytes, and the pixels are fine
    return 1
  return value if value in range(1, 9) else 1


def _has_other_profile(image: Image.Image) -> bool:
  profile = image.info.get('icc_profile')
  return bool(profile) and not any(name in profile for name in _SRGB)


def upright(path: Path) -> bytes:
  """The file of a picture, turned as its EXIF orientation says and without EXIF.

  Pillow cannot turn a JPEG without decoding it: it is encoded once more.
  """
  with Image.open(path, formats=decode.FORMATS) as image:
    kind = 'JPEG' if image.format in _JPEG else image.format
    turned, file = ImageOps.exif_transpose(image), io.BytesIO()
    settings = {'quality': QUALITY, 'subsampling': 0} if kind == 'JPEG' else {}
    profile = image.info.get('icc_profile')
    turned.save(file, kind, icc_profile=profile, exif=b'', **settings)
  return file.getvalue()


def _complaint(broken: list[Picture], number: int) -> str:
  problems = listed([picture.problem for picture in broken], most=4)
  return (
    f'{len(broken):,} of {number:,} pictures cannot be read: {problems}; mend or '
    'remove them, or leave them out with --on_corrupt=skip'
  )


def _check_classes(folder: ImageFolder, left_out: frozenset[Path]) -> None:
  empty = [
    part for part in folder.class_folders() if left_out.issuperset(images_of(part))
  ]
  if empty:
    raise UserError(
      f'no picture of {listed(empty)} can be read; a class needs one in each part'
    )


def report(
  readable: list[Picture], broken: list[Picture], orientation: str
) -> Iterable[str]:
  """Lines: how many can be read, and how many of each kind there are."""
  yield f'{len(readable):,} pictures can be read, from the first byte to the last'
  if broken:
    problems = listed([picture.problem for picture in broken])
    yield f'  {len(broken):,} cannot, and are left out: {problems}'
  becomes = {SIDEWAYS: _TURNED if orientation == APPLY else _KEPT} | _BECOMES
  numbers = Counter(kind for picture in readable for kind in picture.kinds)
  for kind, what in becomes.items():
    if numbers[kind]:
      example = next(each.path for each in readable if kind in each.kinds)
      place = '/'.join(example.parts[-3:])
      yield f'  {numbers[kind]:,} {kind} (such as {place}): {what}'

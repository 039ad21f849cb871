"""From the bytes of a compressed image to pixels, on the host.

The only file that knows Pillow. Does not know where the bytes came from, nor how
a crop is chosen: it is handed a function of the image's size.

EXIF orientation is not applied, as in the readers of TFDS: a network sees pixels as
they are stored. Pillow's guard against decompression bombs stays: an image of more than
about 179 million pixels counts as corrupt, and Pillow warns from half of that.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from bn_repro.data.views import View
from bn_repro.run import notices
from bn_repro.run.errors import UserError

# The formats that TensorFlow's decode_image reads. Pillow knows dozens more, and
# random bytes may look like one of them.
FORMATS = ('JPEG', 'PNG', 'GIF', 'BMP')
# What Pillow turns into RGB without losing bits: all that is 8 bits or less.
MODES = ('1', 'L', 'LA', 'P', 'PA', 'RGB', 'RGBA', 'CMYK', 'YCbCr')
DCT_SCALES = (8, 4, 2, 1)


class CorruptImage(Exception):
  """Which image cannot be read and why, in one line."""


def read_or_skip(
  on_corrupt: str, read: Callable[..., np.ndarray], *arguments: Any
) -> np.ndarray | None:
  """`read(*arguments)`; a corrupt image gives None with 'skip', else a UserError."""
  try:
    return read(*arguments)
  except CorruptImage as error:
    if on_corrupt == 'stop':
      raise UserError(
        f'{error}; mend the data set, or leave such images out with '
        '--config.dataset.on_corrupt=skip'
      ) from error
    return None


def read_crop(
  data: bytes, choose_box: Callable[[int, int], np.ndarray], size: int, name: str
) -> np.ndarray:
  """One box of an image, resized to a square.

  The header alone gives the size of the image, by which the box is chosen. A JPEG is
  then decoded at 1/8, 1/4 or 1/2 of its size where the box keeps at least `size` pixels
  a side: that costs less than decoding it whole, and the crop is a little sharper. The
  box is resized with a triangle filter as wide as the reduction (antialiased bilinear).
  One smaller than `size` is enlarged, since ImageNet has images that small.

  Args:
    data: a whole JPEG, PNG, GIF (its first frame) or BMP file.
    choose_box: (height, width) of the image in pixels -> top, left, height and
      width of the box in pixels, which need not be whole.
    size: side of the result, `[size, size, 3]` uint8, RGB, not to be written to.
    name: of the image, for messages.

  Raises:
    CorruptImage: the data are not an image, or end too early.
  """
  image = _open(data, name)
  # A mistake in here is not the image's fault.
  box = [float(edge) for edge in choose_box(image.height, image.width)]
  image, reduction = _decode(image, min(box[2:]) / size, name)
  top, left, height, width = (edge / reduction for edge in box)
  edges = (left, top, left + width, top + height)
  return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, edges))


def read_views(
  data: bytes, choose: Callable[[int, int], Iterable[View]], size: int, name: str
) -> np.ndarray:
  """Views of an image, each resized to a square of `size` pixels a side.

  A JPEG more than twice as large as its largest view needs is decoded at a reduced
  scale. Views of one size of the image are cut out of one resized image, as
  GoogLeNet's are. Whole squares are resized again, and so rounded to 8 bits twice.

  Arguments and errors are those of `read_crop`; the result is
  `[views, size, size, 3]`, in the order of `choose`.
  """
  image = _open(data, name)
  height, width = image.height, image.width
  chosen = list(choose(height, width))
  largest = max(min(view.height, view.width) for view in chosen)
  image, reduction = _decode(image, min(height, width) / largest, name)
  return _cut_all(image, (0, 0, width / reduction, height / reduction), chosen, size)


def cut_views(pixels: np.ndarray, chosen: Sequence[View], size: int) -> np.ndarray:
  """As `read_views`, of a decoded image, `[height, width, 3]` uint8."""
  height, width, _ = pixels.shape
  return _cut_all(Image.fromarray(pixels), (0, 0, width, height), chosen, size)


def _cut_all(image, edges, chosen, size) -> np.ndarray:
  """Views of the part of an image within left, top, right, bottom."""
  sizes = {(view.width, view.height) for view in chosen}
  resized = {s: image.resize(s, Image.Resampling.BILINEAR, edges) for s in sizes}
  return np.stack(
    [_cut(resized[view.width, view.height], view, size) for view in chosen]
  )


def _cut(image: Image.Image, view: View, size: int) -> np.ndarray:
  """One view of a resized image, `[size, size, 3]`."""
  edges = (view.left, view.top, view.left + view.side, view.top + view.side)
  square = image.crop(edges)
  if view.side != size:
    square = square.resize((size, size), Image.Resampling.BILINEAR)
  return np.asarray(square)


def read_whole(data: bytes, name: str, is_grey: bool = False) -> np.ndarray:
  """A whole image as it is, `[height, width, 3]` uint8, RGB; see `read_crop`.

  Of a data set that `is_grey`, `[height, width]`, brightness.
  """
  image, _ = _decode(_open(data, name), 1, name, is_grey)
  return np.array(image)


def _open(data: bytes, name: str) -> Image.Image:
  with _naming(name):
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _decode(
  image: Image.Image, limit: float, name: str, is_grey: bool = False
) -> tuple[Image.Image, int]:
  """The image, reduced where its format allows it, and the reduction."""
  with _naming(name):
    reduction = _reduce(image, limit)
    image.load()
  if image.mode not in MODES:
    raise CorruptImage(f'{name} is not a readable image: pixels of kind {image.mode}')
  return image.convert('L') if is_grey else _as_rgb(image, name), reduction


def _reduce(image: Image.Image, limit: float) -> int:
  """Sets a JPEG to the largest reduction up to `limit`; returns the reduction."""
  wanted = next((scale for scale in DCT_SCALES if scale <= limit), 1)
  height, width = image.height, image.width
  granted = image.draft(None, (width // wanted, height // wanted))
  if granted is None:
    return 1
  # From the area granted, which is exact; the size in whole pixels is rounded up.
  _, (_, _, reduced_width, _) = granted
  return round(width / reduced_width)


def _as_rgb(image: Image.Image, name: str) -> Image.Image:
  """A decoded image as RGB; transparency is ignored."""
  if image.mode == 'RGB':
    return image
  notice = f'{name} is not RGB but {image.mode}; it is converted, and so are others'
  warnings.warn(notices.Notice(notice, f'converted from {image.mode}'), stacklevel=4)
  # Pillow warns at every palette that it turns into RGB without its transparency.
  image.info.pop('transparency', None)
  # CMYK of a JPEG is stored inverted, after Adobe; Pillow has put that right.
  return image.convert('RGB')


@contextlib.contextmanager
def _naming(name: str):
  """Turns whatever Pillow raises into a `CorruptImage` with the image's name."""
  try:
    with notices.reading(name):
      yield
  except UnidentifiedImageError as error:
    # Pillow's text has the address of a buffer, not the reason.
    raise CorruptImage(f'{name} is not a readable image: no known format') from error
  except (MemoryError, ImportError):
    raise  # not the image's fault
  except Exception as error:
    if isinstance(error, OSError) and error.errno:
      raise  # the operating system's error, not the image's either
    # Pillow's readers raise many kinds on bad bytes: OSError, SyntaxError, ...
    reason = ' '.join(str(error).split()) or type(error).__name__
    raise CorruptImage(f'{name} is not a readable image: {reason}') from error

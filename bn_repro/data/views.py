"""The 144 crops of an image that GoogLeNet is evaluated on.

Szegedy et al. (2014), section 7: the image at four sizes; of each size three squares;
of each square its corners, its centre and the whole square; and all mirror images. The
72 views here leave these out. Knows the sizes of images, not their pixels.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np

# Shorter sides of the resized image for a crop of 224 pixels.
SHORTER_SIDES = (256, 288, 320, 352)
CROP = 224
NUMBER = 144


class View(NamedTuple):
  """A square of `side` pixels at `top`, `left` of the image at `height` x `width`.

  All are pixels of the resized image. A square larger than the crop is resized once
  more, to the crop.
  """

  height: int
  width: int
  top: int
  left: int
  side: int


def views(height: int, width: int, size: int) -> list[View]:
  """The 72 views of an image, in the order of the paper's sentence.

  The image's sizes keep their ratios to `size`, the side of the crop. Some views are
  equal where the image is (nearly) square.
  """
  return [
    view
    for shorter in SHORTER_SIDES
    for view in _of_size(height, width, round(size * shorter / CROP), size)
  ]


def distinct(height: int, width: int, size: int) -> dict[View, int]:
  """Each distinct view, and for how many of the 72 it stands: 3 in a square image."""
  return dict(Counter(views(height, width, size)))


def shares(counted: dict[View, int]) -> np.ndarray:
  """The weight of each of `distinct` in the mean over all crops, float32, sum 1."""
  weights = np.fromiter(counted.values(), np.float32)
  return weights / weights.sum()


def _of_size(height: int, width: int, shorter: int, size: int) -> list[View]:
  """Six views of each of three squares, of an image with that shorter side."""
  scale = shorter / min(height, width)
  resized = round(height * scale), round(width * scale)
  return [
    View(*resized, square_top + top, square_left + left, side)
    for square_top, square_left in _squares(*resized)
    for top, left, side in _in_square(shorter, size)
  ]


def _squares(height: int, width: int) -> list[tuple[int, int]]:
  """Top and left of the three squares: left to right, or top to bottom."""
  rest = abs(height - width)
  starts = (0, rest // 2, rest)
  if height > width:
    return [(start, 0) for start in starts]
  return [(0, start) for start in starts]


def _in_square(side: int, size: int) -> list[tuple[int, int, int]]:
  """Four corners, the centre, and the whole square: top, left, side."""
  rest = side - size
  corners = [(top, left, size) for top in (0, rest) for left in (0, rest)]
  return [*corners, (rest // 2, rest // 2, size), (0, 0, side)]

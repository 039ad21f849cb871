"""Which part of an image a network sees: a pure function of random numbers.

Training crops are those of GoogLeNet (Szegedy et al., 2014, section 6), "verified
to work very well after the competition"; evaluation takes the centre. In NumPy, for
many images of different sizes at once. Knows the sizes of images, not their pixels.

A box is top, left, height and width in pixels, not rounded to whole ones: pixel
(0, 0) is the square from 0 to 1, so that the whole image is (0, 0, height, width).
"""

import numpy as np
from jaxtyping import Float32, Float64, Int

from bn_repro.data import sampler

Sizes = Int[np.ndarray, ' images']  # heights or widths, pixels
Boxes = Float32[np.ndarray, 'images 4']
# Shares of the image's area, and width / height of the box.
AREA = (0.08, 1.0)
ASPECT = (3 / 4, 4 / 3)
ATTEMPTS = 10
# Crops of stream s draw from stream FIRST_STREAM + s. The orders of the sampler draw
# from s itself, and two uses of one key would be correlated.
FIRST_STREAM = 2
# Boxes are whole 256ths of a pixel. float32 holds these exactly up to 65,536
# pixels, more than a JPEG has, so no box leaves its image by rounding.
FRACTIONS = 256


def uniforms_of(
  seed: int, step: int, batch_size: int, stream: int = sampler.TRAINING
) -> Float64[np.ndarray, '{batch_size} attempts 4']:
  """Random numbers in [0, 1) behind the crops of one step, from (seed, step) alone.

  Row j belongs to position j of the global mini-batch, on whatever process or device,
  and does not depend on `batch_size`. Steps go up to 2**32 - 1; `stream` is
  `sampler.TRAINING` or `sampler.POPULATION`.
  """
  bits = np.random.Philox(key=[seed, ((FIRST_STREAM + stream) << 32) + step])
  return np.random.Generator(bits).random((batch_size, ATTEMPTS, 4))


def random_boxes(
  uniforms: Float64[np.ndarray, 'images attempts 4'], heights: Sizes, widths: Sizes
) -> Boxes:
  """Training crops: 8 % to 100 % of the area, aspect ratio 3/4 to 4/3.

  Area, aspect ratio (width / height) and position are uniform, as in GoogLeNet's text.
  The first attempt that fits in the image is taken, as in torchvision; TensorFlow's
  sampler draws a height that fits instead. Where none fits, in a very long image, it is
  the largest centred box of the nearest allowed aspect ratio. Boxes lie inside their
  images and have at least one pixel a side.

  The four uniforms are area, aspect ratio, top and left.
  """
  image = np.stack([heights, widths], axis=-1).astype(np.float64)
  sides = _attempted_sides(uniforms, image)
  fits = np.all(sides <= image[:, None], axis=-1)
  first = np.argmax(fits, axis=-1)[:, None, None]
  side = np.take_along_axis(sides, first, axis=1)[:, 0]
  place = np.take_along_axis(uniforms[..., 2:], first, axis=1)[:, 0]
  is_any = np.any(fits, axis=-1)[:, None]
  side = np.where(is_any, side, _largest_sides(image))
  # A thin image may leave less than one pixel.
  side = np.maximum(side, 1)
  return _boxes(np.where(is_any, place, 0.5), side, image)


def centre_boxes(heights: Sizes, widths: Sizes, share: float = 0.875) -> Boxes:
  """Evaluation crops: the centre square, a `share` (224 of 256) of the shorter side."""
  image = np.stack([heights, widths], axis=-1).astype(np.float64)
  side = np.maximum(share * np.min(image, axis=-1, keepdims=True), 1)
  return _boxes(np.full_like(image, 0.5), np.repeat(side, 2, axis=-1), image)


def _attempted_sides(uniforms, image):
  """Height and width of each attempt, `[images, attempts, 2]`."""
  share = AREA[0] + uniforms[..., 0] * (AREA[1] - AREA[0])
  aspect = ASPECT[0] + uniforms[..., 1] * (ASPECT[1] - ASPECT[0])
  area = share * np.prod(image, axis=-1, keepdims=True)
  return np.stack([np.sqrt(area / aspect), np.sqrt(area * aspect)], axis=-1)


def _largest_sides(image):
  """Height and width of the largest box of the nearest allowed aspect ratio."""
  height, width = image[:, 0], image[:, 1]
  aspect = np.clip(width / height, *ASPECT)
  return np.stack([np.minimum(height, width / aspect),
                   np.minimum(width, height * aspect)], axis=-1)  # fmt: skip


def _boxes(place, side, image):
  """Boxes of these sides at places from 0 (top, left) to 1 (bottom, right)."""
  box = np.concatenate([place * (image - side), side], axis=-1)
  # Both are rounded down: place + side must not leave the image.
  return (np.floor(box * FRACTIONS) / FRACTIONS).astype(np.float32)

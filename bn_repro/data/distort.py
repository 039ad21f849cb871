"""Random distortions of training images, on the device, inside the compiled step.

Resampling, mirroring and the photometric distortions of section 4.2.1, each of
one example by one key. Pure functions; the keys come from the seed and the
example's position in the order, so that an example is distorted in the same way on one
device and on eight. Does not know what a step or a data set is.

The four photometric adjustments are written out, since dm-pix adds a bool to a float in
two of its own, which strict promotion refuses.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Float32, Integer, Key, Shaped, UInt8

Keys = Key[Array, ' batch']
Images = Float32[ArrayLike, 'batch height width 3']
Positions = Integer[ArrayLike, ' batch']
Colours = Float[ArrayLike, '3 *places']  # red, green, blue
Scalar = Float[ArrayLike, ''] | float
# Half-widths of the ranges at full strength; brightness in units of the range from
# black to white, hue in turns of the colour circle, the others as factors about 1.
BRIGHTNESS = 32 / 255
SATURATION = 0.5
HUE = 0.2
CONTRAST = 0.5
# What an example's key is folded with, so that no two draws share a key.
_KEYS, _MIRROR, _PHOTOMETRIC = 1, 2, 3


def example_keys(
  seed: Integer[ArrayLike, ''], stream: Integer[ArrayLike, ''], positions: Positions
) -> Keys:
  """A key for each example, a function of the three numbers alone.

  The generator is fixed: a user may change JAX's default, and with some generators an
  example's random numbers depend on its mini-batch. Positions count from the start of
  training.
  """
  of_run = jax.random.fold_in(jax.random.key(seed, impl='threefry2x32'), _KEYS)
  of_stream = jax.random.fold_in(of_run, stream)
  return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(of_stream, positions)


def resample(
  images: UInt8[ArrayLike, 'batch height width channels'],
  boxes: Float32[ArrayLike, 'batch 4'],
  size: int,
) -> Float32[Array, 'batch {size} {size} channels']:
  """One box of each image, resized to a square, from 0 to 255, not rounded.

  The triangle filter is as wide as the reduction (antialiased bilinear), and sees
  pixels beyond the box (top, left, height, width), as Pillow's `Image.resize(box=...)`
  does. A box smaller than `size` is enlarged.
  """

  def one(image, box):
    scale = size / box[2:]
    shape = (size, size, image.shape[-1])
    return jax.image.scale_and_translate(
      image.astype(jnp.float32), shape, (0, 1), scale, -box[:2] * scale, 'linear'
    )

  return jax.vmap(one)(images, boxes)


def mirror(
  keys: Keys, images: Shaped[ArrayLike, 'batch height width channels']
) -> Shaped[Array, 'batch height width channels']:
  """Left becomes right with probability one half; keys are of `example_keys`."""
  draw = jax.vmap(lambda key: jax.random.bernoulli(jax.random.fold_in(key, _MIRROR)))
  return jnp.where(draw(keys)[:, None, None, None], images[:, :, ::-1], images)


def photometric(keys: Keys, images: Images, strength: Scalar) -> Images:
  """Brightness, saturation, hue and contrast, in this order, then clipped to 0 to 1.

  Howard (2013) describes them; ranges and order are those of Google's public
  Inception code (`distort_color` in its image_processing.py), half of whose reading
  threads have contrast second. Section 4.2.1 of the paper reduces the distortions and
  does not say by how much. `strength` is a factor on the four ranges: 1 is Google's.
  """
  ranges = strength * jnp.array([BRIGHTNESS, SATURATION, HUE, CONTRAST])
  # Channel by channel: processors take values that lie side by side at once.
  channels = jnp.moveaxis(images, -1, 0)
  distorted = jax.vmap(_distort, (0, 1, None), 1)(keys, channels, ranges)
  return jnp.stack([*distorted], axis=-1)


def _distort(key, image, ranges):
  """One image `[3, height, width]`, by ranges of the four adjustments."""
  key = jax.random.fold_in(key, _PHOTOMETRIC)
  draws = jax.random.uniform(key, (4,), image.dtype, minval=-1, maxval=1)
  brightness, saturation, hue, contrast = draws * ranges
  image = adjust_brightness(image, brightness)
  image = adjust_saturation(image, 1 + saturation)
  image = adjust_hue(image, hue)
  return jnp.clip(adjust_contrast(image, 1 + contrast), 0, 1)


class Distortion(NamedTuple):
  """What decides how examples are distorted (section 4.2.1), besides their positions.

  `strength` is that of `photometric`; None leaves it out.
  """

  seed: Integer[ArrayLike, '']
  stream: int
  strength: Scalar | None


def finished(
  images: Images, positions: Positions | None = None,
  distortion: Distortion | None = None, mirrors: bool = True,
) -> Images:  # fmt: skip
  """Network inputs from crops of 0 to 255: distorted, then scaled to -1 to 1.

  The distortions depend on the positions of the examples in the order of training.
  `mirrors` says whether to `mirror` is one of them.
  """
  images = images / 255
  if distortion is not None:
    keys = example_keys(distortion.seed, distortion.stream, positions)
    images = mirror(keys, images) if mirrors else images
    if distortion.strength is not None:
      images = photometric(keys, images, distortion.strength)
  return 2 * images - 1


def adjust_brightness(image: Colours, delta: Scalar) -> Colours:
  """Adds `delta` to every value; not clipped."""
  return image + delta


def adjust_saturation(image: Colours, factor: Scalar) -> Colours:
  """Multiplies the saturation (S of HSV), up to 1, and leaves hue and value.

  Not clipped. Values outside of 0 to 1, which brightness makes, are treated as
  TensorFlow's `adjust_saturation` treats them.
  """
  value, chroma = _value_and_chroma(image)
  # S is chroma / value, so at S = 1 the chroma is the value.
  wanted = jnp.clip(factor * chroma, 0, jnp.maximum(value, 0))
  share = wanted / jnp.where(chroma > 0, chroma, 1)
  return jnp.stack([value - share * (value - channel) for channel in image])


def adjust_hue(image: Colours, turns: Scalar) -> Colours:
  """Adds `turns` of the circle to the hue (H of HSV), as TensorFlow's; not clipped."""
  red, green, blue = image
  value, chroma = _value_and_chroma(image)
  safe = jnp.where(chroma > 0, chroma, 1)
  # In sixths of a turn: red is 0, green 2, blue 4. The largest channel is found by
  # comparison: a compiler that computes a channel twice, rounded differently, makes it
  # unequal to its own maximum.
  sixths = jnp.where(green >= blue, 2 + (blue - red) / safe, 4 + (red - green) / safe)
  is_red = (red >= green) & (red >= blue)
  sixths = jnp.where(is_red, (green - blue) / safe, sixths)
  sixths += 6 * turns
  sixths -= 6 * jnp.floor(sixths / 6)  # a remainder would be a call for each value
  missing = (
    2 - jnp.abs(sixths - 3), jnp.abs(sixths - 2) - 1, jnp.abs(sixths - 4) - 1
  )  # fmt: skip
  return jnp.stack([value - chroma * jnp.clip(m, 0, 1) for m in missing])


def _value_and_chroma(image):
  """The largest channel, and how far the smallest is below it."""
  largest = functools.reduce(jnp.maximum, image)
  return largest, largest - functools.reduce(jnp.minimum, image)


def adjust_contrast(
  image: Float[ArrayLike, 'channels height width'], factor: Scalar
) -> Float[Array, 'channels height width']:
  """Scales the distance of each value from the mean of its channel; not clipped."""
  mean = jnp.mean(image, axis=(-2, -1), keepdims=True)
  return mean + factor * (image - mean)

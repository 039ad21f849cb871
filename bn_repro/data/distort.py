"""Random distortions of training images, on the device, inside the compiled step.

Resampling, mirroring and the photometric distortions of section 4.2.1, each of
one example by one key. Pure functions; the keys come from the seed and the
example's place in the order, so that an example is distorted alike on one device
and on eight. Does not know what a step or a data set is.

The four photometric adjustments are written out: dm-pix, which has them, adds a
bool to a float in two of them, and strict promotion refuses that.
"""

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

# Half-widths of the ranges at full strength; brightness in units of the range from
# black to white, hue in turns of the colour circle, the others as factors about 1.
BRIGHTNESS = 32 / 255
SATURATION = 0.5
HUE = 0.2
CONTRAST = 0.5
# What an example's key is folded with, so that no two draws share a key.
_KEYS, _MIRROR, _PHOTOMETRIC = 1, 2, 3


def example_keys(seed: int, stream: int, positions: jax.Array) -> jax.Array:
  """A key for each of some examples.

  The generator is named rather than JAX's default, which a user may change: not
  all of them draw the same for an example whatever stands beside it.

  Args:
    seed: of the run.
    stream: of the sampler.
    positions: `[b]` uint32, of the examples, counted from the start of training.

  Returns:
    `[b]` typed JAX keys, a function of the three numbers alone.
  """
  of_run = jax.random.fold_in(jax.random.key(seed, impl='threefry2x32'), _KEYS)
  of_stream = jax.random.fold_in(of_run, stream)
  return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(of_stream, positions)


def resample(images: jax.Array, boxes: jax.Array, size: int) -> jax.Array:
  """One box of each image, resized to a square.

  The triangle filter is as wide as the reduction (antialiased bilinear), and sees
  pixels beyond the box, as Pillow's `Image.resize(box=...)` does. A box smaller
  than `size` is enlarged.

  Args:
    images: `[b, h, w, 3]` uint8.
    boxes: `[b, 4]` float32: top, left, height, width in pixels.
    size: side of the result, pixels.

  Returns:
    `[b, size, size, 3]` float32 from 0 to 255, not rounded.
  """

  def one(image, box):
    scale = size / box[2:]
    shape = (size, size, image.shape[-1])
    return jax.image.scale_and_translate(
      image.astype(jnp.float32), shape, (0, 1), scale, -box[:2] * scale, 'linear'
    )

  return jax.vmap(one)(images, boxes)


def mirror(keys: jax.Array, images: jax.Array) -> jax.Array:
  """Left becomes right with probability one half.

  Args:
    keys: `[b]`, of `example_keys`; other distortions may take the same.
    images: `[b, h, w, 3]`, any dtype.

  Returns:
    The images, shaped like before, in their dtype.
  """
  draw = jax.vmap(lambda key: jax.random.bernoulli(jax.random.fold_in(key, _MIRROR)))
  return jnp.where(draw(keys)[:, None, None, None], images[:, :, ::-1], images)


def photometric(keys: jax.Array, images: jax.Array, strength: float) -> jax.Array:
  """Brightness, saturation, hue and contrast, in this order, then clipped.

  Howard (2013) describes them; ranges and order are those of Google's public
  Inception code (`distort_color` in its image_processing.py), which alternates
  this order with one that has contrast second, by reading thread. Section 4.2.1
  of the paper reduces the distortions and does not say by how much.

  Args:
    keys: `[b]`, of `example_keys`; other distortions may take the same.
    images: `[b, h, w, 3]` float32 from 0 to 1, RGB.
    strength: scales the four ranges: 1 is Google's, 0 changes no bit.

  Returns:
    `[b, h, w, 3]` float32 from 0 to 1.
  """
  if strength == 0:
    return images
  ranges = [strength * width for width in (BRIGHTNESS, SATURATION, HUE, CONTRAST)]
  return jax.vmap(lambda key, image: _distort(key, image, ranges))(keys, images)


def _distort(key, image, ranges):
  """One image `[h, w, 3]`, by ranges of brightness, saturation, hue, contrast."""
  key = jax.random.fold_in(key, _PHOTOMETRIC)
  draws = jax.random.uniform(key, (4,), image.dtype, minval=-1, maxval=1)
  brightness, saturation, hue, contrast = draws * jnp.array(ranges, image.dtype)
  image = adjust_brightness(image, brightness)
  image = adjust_saturation(image, 1 + saturation)
  image = adjust_hue(image, hue)
  return jnp.clip(adjust_contrast(image, 1 + contrast), 0, 1)


def finished(
  images: jax.Array, positions: jax.Array, config: ConfigDict, stream: int | None
) -> jax.Array:
  """Network inputs from crops: distorted, then scaled to -1 to 1.

  Args:
    images: `[batch, size, size, 3]` float32 from 0 to 255.
    positions: `[batch]` uint32, what the distortions depend on beside the seed.
    config: of the run.
    stream: as `Feed.batch` takes it; None distorts nothing.

  Returns:
    `[batch, size, size, 3]` float32.
  """
  images = images / 255
  if stream is not None:
    keys = example_keys(config.seed, stream, positions)
    images = mirror(keys, images)
    images = photometric(keys, images, config.photometric_distortion)
  return 2 * images - 1


def adjust_brightness(image: jax.Array, delta: jax.Array) -> jax.Array:
  """Adds `delta`, a scalar, to every value; any shape, not clipped."""
  return image + delta


def adjust_saturation(image: jax.Array, factor: jax.Array) -> jax.Array:
  """Multiplies the saturation (S of HSV), up to 1, and leaves hue and value.

  Args:
    image: `[..., 3]`, RGB. Values outside of 0 to 1, which brightness makes, are
      treated as TensorFlow's `adjust_saturation` does.
    factor: scalar, from 0.

  Returns:
    `[..., 3]`, in the image's dtype, not clipped.
  """
  value = jnp.max(image, axis=-1, keepdims=True)
  chroma = value - jnp.min(image, axis=-1, keepdims=True)
  # S is chroma / value, so at S = 1 the chroma is the value.
  wanted = jnp.clip(factor * chroma, 0, jnp.maximum(value, 0))
  share = wanted / jnp.where(chroma > 0, chroma, 1)
  return value - share * (value - image)


def adjust_hue(image: jax.Array, turns: jax.Array) -> jax.Array:
  """Turns the hue (H of HSV) and leaves saturation and value.

  Args:
    image: `[..., 3]`, RGB, also outside of 0 to 1.
    turns: scalar, in turns of the colour circle, as TensorFlow's `adjust_hue`.

  Returns:
    `[..., 3]`, in the image's dtype, not clipped.
  """
  red, green, blue = image[..., 0], image[..., 1], image[..., 2]
  value = jnp.maximum(jnp.maximum(red, green), blue)
  chroma = value - jnp.minimum(jnp.minimum(red, green), blue)
  safe = jnp.where(chroma > 0, chroma, 1)
  # In sixths of a turn: red is 0, green 2, blue 4. The largest is found by order:
  # a compiler that computes a channel twice, rounded differently, makes it unequal
  # to its own maximum.
  sixths = jnp.where(green >= blue, 2 + (blue - red) / safe, 4 + (red - green) / safe)
  is_red = (red >= green) & (red >= blue)
  sixths = jnp.where(is_red, (green - blue) / safe, sixths)
  sixths = (sixths + 6 * turns) % 6
  missing = (
    2 - jnp.abs(sixths - 3), jnp.abs(sixths - 2) - 1, jnp.abs(sixths - 4) - 1
  )  # fmt: skip
  return jnp.stack([value - chroma * jnp.clip(m, 0, 1) for m in missing], axis=-1)


def adjust_contrast(image: jax.Array, factor: jax.Array) -> jax.Array:
  """Scales the distance of each channel `[h, w, c]` from its mean; not clipped."""
  mean = jnp.mean(image, axis=(-3, -2), keepdims=True)
  return mean + factor * (image - mean)

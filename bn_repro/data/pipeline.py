"""From raw bytes to what a network sees, for data sets that fit on the device.

The whole set sits there as uint8; a step is handed indices and gathers and
converts its examples inside the compiled program.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from bn_repro.data import sampler, sources


class Batch(NamedTuple):
  """Network inputs `[batch, height, width]` float32, labels `[batch]` int32."""

  images: jax.Array
  labels: jax.Array


class Feed:
  """Training examples on the device, and the indices that choose among them.

  `examples` is what the compiled step takes beside `indices(steps)`; `batch`
  turns both into a `Batch` inside it.
  """

  def __init__(self, examples: sources.Examples, config: ConfigDict):
    self.examples = sources.Examples(*jax.device_put(tuple(examples)))
    self._config = config

  def indices(self, steps: range, stream: int = sampler.TRAINING) -> np.ndarray:
    """`[len(steps), batch_size]` int32, the examples of those steps."""
    return sampler.example_indices(
      self._config.seed, steps, self._config.batch_size,
      len(self.examples.labels), stream,
    )  # fmt: skip

  def batch(self, examples: sources.Examples, indices: jax.Array) -> Batch:
    """The `Batch` of some indices `[batch]`; may be traced."""
    images = convert_pixels(examples.images[indices], self._config.dataset)
    return Batch(images, examples.labels[indices])


def convert_pixels(images: jax.Array, dataset: ConfigDict) -> jax.Array:
  """uint8 of 0 to 255 as float32: 0 or 1 if binary, else grey from 0 to 1."""
  brightness = images.astype(jnp.float32) / 255
  if dataset.pixels == 'grey':
    return brightness
  return (brightness > dataset.threshold).astype(jnp.float32)

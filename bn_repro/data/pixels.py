"""The feed of section 4.1: whole grey images, kept on the device."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int32
from ml_collections import ConfigDict

from bn_repro.data import sampler, sources
from bn_repro.data.distort import Distortion
from bn_repro.data.feed import Batch, Feed, ImageViews
from bn_repro.run.errors import UserError


class Pixels(NamedTuple):
  """Inputs of `PixelFeed`."""

  indices: Int32[np.ndarray, '*steps batch']
  counts: Bool[np.ndarray, '*steps batch']


class PixelFeed(Feed):
  """Whole grey images from memory, for the MLP; nothing is distorted."""

  def __init__(
    self, examples: sources.Examples, config: ConfigDict, devices: list[jax.Device]
  ):
    super().__init__(len(examples.labels), config, devices)
    self.examples = examples

  def inputs(self, steps: range, stream: int = sampler.TRAINING) -> Pixels:
    seed, size = self._config.seed, self._config.batch_size
    whole = sampler.example_indices(seed, steps, size, self.num_examples, stream)
    indices = whole[:, self._share(size)]
    return Pixels(indices, np.ones_like(indices, bool))

  def inputs_in_order(
    self, size: int, start: int = 0, stop: int | None = None
  ) -> Iterator[Pixels]:
    yield from map(Pixels._make, self._in_order(size, start, stop))

  def views(self, start: int = 0, stop: int | None = None) -> Iterator[ImageViews]:
    raise UserError('the network of section 4.1 sees whole images; use --crops=1')

  def batch(
    self, examples: sources.Examples, inputs: Pixels, distortion: Distortion | None
  ) -> Batch:
    images = convert_pixels(examples.images[inputs.indices], self._config.dataset)
    return Batch(images, examples.labels[inputs.indices], inputs.counts)


def convert_pixels(images: jax.Array, dataset: ConfigDict) -> jax.Array:
  """uint8 of 0 to 255 as float32: 0 or 1 if binary, else grey from 0 to 1."""
  brightness = images.astype(jnp.float32) / 255
  if dataset.pixels == 'grey':
    return brightness
  return (brightness > dataset.threshold).astype(jnp.float32)

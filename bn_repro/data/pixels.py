"""The feed of section 4.1: whole grey images, kept on the device."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from bn_repro.data import sampler, sources
from bn_repro.data.feed import Batch, ImageViews, chosen, in_order
from bn_repro.run import collectives
from bn_repro.run.errors import UserError


class Pixels(NamedTuple):
  """Inputs of `PixelFeed`: `[..., batch]` int32 and bool."""

  indices: np.ndarray
  counts: np.ndarray


class PixelFeed:
  """Whole grey images from memory, for the MLP: a `Feed` without distortions."""

  num_skipped = 0

  def __init__(
    self, examples: sources.Examples, config: ConfigDict, devices: list[jax.Device]
  ):
    self.examples = examples
    self.num_examples = len(examples.labels)
    self._config = config
    self._devices = devices

  def inputs(self, steps: range, stream: int = sampler.TRAINING) -> Pixels:
    """As `Feed`."""
    config = self._config
    indices = sampler.example_indices(
      config.seed, steps, config.batch_size, self.num_examples, stream
    )
    share = collectives.share_of_process(config.batch_size, self._devices)
    return Pixels(indices[:, share], np.ones_like(indices[:, share], bool))

  def inputs_in_order(
    self, size: int, start: int = 0, stop: int | None = None
  ) -> Iterator[Pixels]:
    """As `Feed`."""
    examples = chosen(self.num_examples, start, stop)
    yield from map(Pixels._make, in_order(examples, size, self._devices))

  def views(self, start: int = 0, stop: int | None = None) -> Iterator[ImageViews]:
    """As `Feed`: raises UserError."""
    raise UserError('the network of section 4.1 sees whole images; use --crops=1')

  def batch(
    self, examples: sources.Examples, inputs: Pixels, stream: int | None
  ) -> Batch:
    """As `Feed`; images are `[batch, height, width]`."""
    images = convert_pixels(examples.images[inputs.indices], self._config.dataset)
    return Batch(images, examples.labels[inputs.indices], inputs.counts)


def convert_pixels(images: jax.Array, dataset: ConfigDict) -> jax.Array:
  """uint8 of 0 to 255 as float32: 0 or 1 if binary, else grey from 0 to 1."""
  brightness = images.astype(jnp.float32) / 255
  if dataset.pixels == 'grey':
    return brightness
  return (brightness > dataset.threshold).astype(jnp.float32)

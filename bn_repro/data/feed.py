"""How examples reach a network: the interface of all feeds, and the MLP's.

A feed knows one half of a data set. It gives the compiled step the arrays that
stay on the device (`examples`), for each step what to take from them (`inputs`),
and the function that makes a `Batch` of both inside the program (`batch`).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from bn_repro.data import sampler, sources
from bn_repro.run import collectives
from bn_repro.run.errors import UserError


class Batch(NamedTuple):
  """What a network sees.

  `images` `[batch, height, width, ...]` float32, `labels` `[batch]` int32, and
  `counts` `[batch]` bool, false for padding and for images that are left out.
  """

  images: jax.Array
  labels: jax.Array
  counts: jax.Array


class ImageViews(NamedTuple):
  """The different ones of an image's 72 views; their mirror images are left out.

  `images` `[views, size, size, 3]` uint8, `shares` `[views]` float32, the weight of a
  view and its mirror image together, which sum to 1, and `label`. Of an image that is
  left out `counts` is false and the images are black.
  """

  images: np.ndarray
  shares: np.ndarray
  label: int
  counts: bool


class Feed(Protocol):
  """What training and evaluation need of a half of a data set.

  Attributes:
    examples: what lies on the device, a tree that `batch` is given.
    num_examples: that can be read, or may be.
    num_skipped: that were left out when all were read, at once or one after the other
      by the last `inputs_in_order`.
  """

  examples: Any
  num_examples: int
  num_skipped: int

  def inputs(self, steps: range, stream: int = sampler.TRAINING) -> Any:
    """A tree of `[len(steps), batch, ...]`: the share of this process."""

  def inputs_in_order(
    self, size: int, start: int = 0, stop: int | None = None
  ) -> Iterator[Any]:
    """Trees of `[size, ...]`, the share of this process, each example once.

    From example `start` to `stop`, or to the last. The last tree is filled up with
    examples that do not count.
    """

  def views(self, start: int = 0, stop: int | None = None) -> Iterator[ImageViews]:
    """What GoogLeNet's evaluation is shown of each example, in order.

    Raises:
      UserError: these images are not cropped.
    """

  def batch(self, examples: Any, inputs: Any, stream: int | None) -> Batch:
    """The `Batch` of the inputs of one step; may be traced.

    `stream` says which of the sampler's streams the distortions belong to; None
    distorts nothing.
    """


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
    share = collectives.share_of_process(size, self._devices)
    for indices, counts in in_order(chosen(self.num_examples, start, stop), size):
      yield Pixels(indices[share], counts[share])

  def views(self, start: int = 0, stop: int | None = None) -> Iterator[ImageViews]:
    """As `Feed`: raises UserError."""
    raise UserError('the network of section 4.1 sees whole images; use --crops=1')

  def batch(
    self, examples: sources.Examples, inputs: Pixels, stream: int | None
  ) -> Batch:
    """As `Feed`; images are `[batch, height, width]`."""
    images = convert_pixels(examples.images[inputs.indices], self._config.dataset)
    return Batch(images, examples.labels[inputs.indices], inputs.counts)


def chosen(number: int, start: int, stop: int | None) -> range:
  """Those from `start` to `stop`, or to the last, of so many examples."""
  return range(start, number if stop is None else min(number, stop))


def in_order(examples: range, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """Indices `[size]` int32 of consecutive examples, and `[size]` bool: which count.

  The last are filled up by the last example again, which does not count.
  """
  for start in range(examples.start, examples.stop, size):
    places = np.arange(start, start + size, dtype=np.int32)
    yield np.minimum(places, examples.stop - 1), places < examples.stop


def convert_pixels(images: jax.Array, dataset: ConfigDict) -> jax.Array:
  """uint8 of 0 to 255 as float32: 0 or 1 if binary, else grey from 0 to 1."""
  brightness = images.astype(jnp.float32) / 255
  if dataset.pixels == 'grey':
    return brightness
  return (brightness > dataset.threshold).astype(jnp.float32)

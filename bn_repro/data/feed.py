"""How examples reach a network: the interface of all feeds.

A feed serves one half of a data set. It gives the compiled step the arrays that
stay on the device (`examples`), for each step what to take from them (`inputs`),
and the function that makes a `Batch` of both inside the program (`batch`).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from bn_repro.data import sampler
from bn_repro.run import collectives


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


def chosen(number: int, start: int, stop: int | None) -> range:
  """Examples from `start` to `stop`, or to the last of `number`."""
  return range(start, number if stop is None else min(number, stop))


def in_order(
  examples: range, size: int, devices: list[jax.Device]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """Indices and counts of consecutive mini-batches, the share of this process.

  `[share]` int32 and bool. The last mini-batch is filled up with the last example,
  which does not count again.
  """
  share = collectives.share_of_process(size, devices)
  for start in range(examples.start, examples.stop, size):
    places = np.arange(start, start + size, dtype=np.int32)[share]
    yield np.minimum(places, examples.stop - 1), places < examples.stop

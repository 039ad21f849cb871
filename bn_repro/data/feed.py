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
  `counts` `[batch]` bool, false for padding and for images that are excluded.
  """

  images: jax.Array
  labels: jax.Array
  counts: jax.Array


class ImageViews(NamedTuple):
  """The distinct views among an image's 72, without mirror images.

  `images` `[views, size, size, 3]` uint8; `shares` `[views]` float32, the weight of a
  view together with its mirror image, of sum 1. Where an image is excluded, `counts` is
  false and the views are black.
  """

  images: np.ndarray
  shares: np.ndarray
  label: int
  counts: bool


class Feed(Protocol):
  """What training and evaluation need of one half of a data set.

  Attributes:
    examples: the tree of arrays on the device that `batch` takes.
    num_examples: the number of examples, without those excluded when it was opened.
    num_skipped: the number of examples excluded when it was opened, or by the last
      complete `inputs_in_order`.
  """

  examples: Any
  num_examples: int
  num_skipped: int

  def inputs(self, steps: range, stream: int = sampler.TRAINING) -> Any:
    """Inputs of training steps: a tree of `[len(steps), share of the process, ...]`."""

  def inputs_in_order(
    self, size: int, start: int = 0, stop: int | None = None
  ) -> Iterator[Any]:
    """Inputs of mini-batches of `size`, with each example once: `[share, ...]`.

    From example `start` to `stop`, or to the last. The last mini-batch is filled up
    with examples that do not count.
    """

  def views(self, start: int = 0, stop: int | None = None) -> Iterator[ImageViews]:
    """The views of each example for GoogLeNet's evaluation, in order.

    Raises:
      UserError: these images are not cropped.
    """

  def batch(self, examples: Any, inputs: Any, stream: int | None) -> Batch:
    """The `Batch` of the inputs of one step; may be traced.

    Distortions draw from this stream of the sampler; None distorts nothing.
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

"""How examples reach a network: the base of all feeds."""

import abc
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import ArrayLike, Bool, Float32, Int32, UInt8
from ml_collections import ConfigDict

from bn_repro.data import sampler
from bn_repro.data.distort import Distortion
from bn_repro.run import collectives


class Batch(NamedTuple):
  """What a network sees."""

  images: Float32[ArrayLike, 'batch height width *channels']
  labels: Int32[ArrayLike, ' batch']
  counts: Bool[ArrayLike, ' batch']  # false for padding and for images left out


class ImageViews(NamedTuple):
  """The distinct views among an image's 72, without mirror images.

  `shares` are the weights of the views, with their mirror images or without, of sum 1.
  """

  images: UInt8[np.ndarray, 'views size size 3']
  shares: Float32[np.ndarray, ' views']
  label: int
  counts: bool  # false for an image that is left out, whose views are black


class Feed(abc.ABC):
  """Serves one half of a data set.

  It gives the compiled step a tree of arrays that stay on the device (`examples`), for
  each step what to take from them (`inputs`), and the function that makes a `Batch` of
  both inside the program (`batch`).

  Attributes:
    num_examples: without those left out when the feed was opened.
    skipped: the places in the split of the examples left out then, rising, the same in
      every process. What is found unreadable later does not count in its `Batch`.
  """

  examples: Any = ()
  skipped: tuple[int, ...] = ()

  def __init__(
    self, num_examples: int, config: ConfigDict, devices: list[jax.Device]
  ) -> None:
    self.num_examples = num_examples
    self._config = config
    self._devices = devices

  @property
  def num_skipped(self) -> int:
    """The number of examples left out when the feed was opened."""
    return len(self.skipped)

  def num_skipped_among(self, number: int | None) -> int:
    """How many of the first `number` of the split were left out; None for all."""
    return sum(number is None or place < number for place in self.skipped)

  def num_kept_among(self, number: int | None) -> int:
    """How many of the first `number` of the split the feed has; None for all."""
    whole = self.num_examples + self.num_skipped
    number = whole if number is None else min(number, whole)
    return number - self.num_skipped_among(number)

  @abc.abstractmethod
  def inputs(self, steps: range, stream: int = sampler.TRAINING) -> Any:
    """Inputs of training steps: a tree of `[len(steps), share of the process, ...]`."""

  @abc.abstractmethod
  def inputs_in_order(
    self, size: int, start: int = 0, stop: int | None = None
  ) -> Iterator[Any]:
    """Inputs of mini-batches of `size`, with each example once: `[share, ...]`.

    From example `start` to `stop`, or to the last. The last mini-batch is filled up
    with examples that do not count.
    """

  @abc.abstractmethod
  def views(self, start: int = 0, stop: int | None = None) -> Iterator[ImageViews]:
    """The views of each example for GoogLeNet's evaluation, in order."""

  @abc.abstractmethod
  def batch(self, examples: Any, inputs: Any, distortion: Distortion | None) -> Batch:
    """The `Batch` of the inputs of one step; may be traced.

    With None as `distortion` the images are as they are.
    """

  def chosen(self, start: int = 0, stop: int | None = None) -> range:
    """Examples from `start` to `stop`, or to the last."""
    end = self.num_examples if stop is None else min(self.num_examples, stop)
    return range(start, end)

  def _share(self, size: int) -> slice:
    return collectives.share_of_process(size, self._devices)

  def _in_order(
    self, size: int, start: int, stop: int | None
  ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices and counts as in `inputs_in_order`, filled up with the last example."""
    examples = self.chosen(start, stop)
    for first in range(examples.start, examples.stop, size):
      places = np.arange(first, first + size, dtype=np.int32)[self._share(size)]
      yield np.minimum(places, examples.stop - 1), places < examples.stop

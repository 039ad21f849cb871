"""Class probabilities from one crop of an image, or averaged over GoogLeNet's 144.

Probabilities are averaged, not logits: arithmetic means, as in section 4.2.3. Over all
devices of one process, in bounded memory. Does not know where answers are kept, nor
whether they are right.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bn_repro.data.distort import finished
from bn_repro.data.feed import Feed, ImageViews
from bn_repro.evaluate.answers import Answers
from bn_repro.evaluate.network import Network
from bn_repro.training import parallel

# Images whose views are answered together, and kept.
CHUNK = 16


class Answering:
  """Answers the examples of a feed; compiles once."""

  def __init__(
    self,
    network: Network,
    batch_stats: Any,
    feed: Feed,
    devices: list[jax.Device],
    check: Callable[[], None],
  ):
    """Prepares to answer.

    Args:
      network: that was restored.
      batch_stats: the statistics to use with it.
      feed: the examples, which the network's config describes.
      devices: of this process.
      check: called before each call of the network; may raise, to give it up.
    """
    self._variables = {'params': network.params, 'batch_stats': batch_stats}
    self._config, self._model, self._feed = network.config, network.model, feed
    self._devices, self._check = devices, check
    # What the devices take at once; with views half of it are mirror images.
    size, number = network.config.evaluation_batch_size, 2 * len(devices)
    self._size = -(-size // number) * number

  def answers(self, crops: int, start: int, stop: int) -> Iterator[Answers]:
    """Those to the examples from `start` to `stop`, some at a time.

    Args:
      crops: one of `asked.CROPS`.
      start, stop: places in the data set.

    Raises:
      UserError: an image cannot be read, or is not cropped at all.
    """
    make = self._by_one_crop if crops == 1 else self._by_views
    return make(start, stop)

  def _by_one_crop(self, start: int, stop: int) -> Iterator[Answers]:
    answer = parallel.spread_examples(self._of_centre, self._devices)
    examples = parallel.replicate(self._feed.examples, self._devices)
    for inputs in self._feed.inputs_in_order(self._size, start, stop):
      self._check()
      found = answer(self._variables, examples, inputs)
      remaining = min(self._size, stop - start)
      labels, counts, probabilities = (part[:remaining] for part in found)
      yield Answers(labels, counts, np.ones(remaining, np.int32), probabilities)
      start += remaining

  def _of_centre(self, variables, examples, inputs):
    batch = self._feed.batch(examples, inputs, stream=None)
    return batch.labels, batch.counts, self._probabilities(variables, batch.images)

  def _probabilities(self, variables, images) -> jax.Array:
    return jax.nn.softmax(self._model.apply(variables, images, train=False))

  def _by_views(self, start: int, stop: int) -> Iterator[Answers]:
    answer = parallel.spread_examples(self._of_views, self._devices)
    remaining = self._feed.views(start, stop)
    while chunk := list(itertools.islice(remaining, CHUNK)):
      images = np.concatenate([image.images for image in chunk])
      of_views = self._in_pieces(answer, images)
      yield Answers(
        np.asarray([image.label for image in chunk], np.int32),
        np.asarray([image.counts for image in chunk]),
        np.asarray([2 * len(image.images) for image in chunk], np.int32),
        _averaged(of_views, chunk),
      )

  def _of_views(self, variables, _, images):
    """The mean over each view and its mirror image."""
    images = finished(images.astype(jnp.float32), None, self._config, stream=None)
    both = jnp.concatenate([images, images[:, :, ::-1]])
    found = self._probabilities(variables, both)
    return (found[: len(images)] + found[len(images) :]) / 2

  def _in_pieces(self, answer: Callable, images: np.ndarray) -> np.ndarray:
    """`[views, classes]`, from as many calls as it takes; the last is filled up."""
    size, found = self._size // 2, []
    for start in range(0, len(images), size):
      self._check()
      piece = images[start : start + size]
      black = np.zeros((size - len(piece), *piece.shape[1:]), piece.dtype)
      whole = np.concatenate([piece, black])
      found.append(answer(self._variables, (), whole)[: len(piece)])
    return np.concatenate(found)


def _averaged(of_views: np.ndarray, chunk: list[ImageViews]) -> np.ndarray:
  """`[images, classes]` float32: the means over the views of each image."""
  ends = np.cumsum([len(image.images) for image in chunk])[:-1]
  return np.stack(
    [image.shares @ part for image, part in zip(chunk, np.split(of_views, ends))]
  )

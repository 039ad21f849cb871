"""Class probabilities from one crop of an image, or averaged over GoogLeNet's 144.

A network that was trained without mirror images is shown none: 72 are left.
Probabilities are averaged, not logits: arithmetic means, as in section 4.2.3. Over all
devices of one process, in bounded memory. Does not know where predictions are kept,
nor whether they are right.
"""

import itertools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from bn_repro.data.distort import finished
from bn_repro.data.feed import Feed, ImageViews
from bn_repro.evaluate.network import Network
from bn_repro.evaluate.predictions import Predictions
from bn_repro.training import parallel

# Images whose views are predicted together, and kept.
CHUNK = 16


class Predictor:
  """Predicts the classes of the examples of a feed."""

  def __init__(
    self,
    network: Network,
    feed: Feed,
    devices: list[jax.Device],
    check: Callable[[], None],
  ):
    """Takes a network with the statistics to use, and the devices of this process.

    `check` is called before each call of the network; it may raise, to stop.
    """
    self._network, self._feed = network, feed
    self._devices, self._check = devices, check
    self._mirrors = network.config.dataset.get('mirror', True)
    # What the devices take at once; with views half of it is left to mirror images.
    size, number = network.config.evaluation_batch_size, 2 * len(devices)
    self._size = -(-size // number) * number

  def predictions(self, crops: int, start: int, stop: int) -> Iterator[Predictions]:
    """Those for the examples from `start` to `stop`, some at a time."""
    return (self._by_one_crop if crops == 1 else self._by_views)(start, stop)

  def _by_one_crop(self, start: int, stop: int) -> Iterator[Predictions]:
    predict = parallel.spread_examples(self._of_centre, self._devices)
    examples = parallel.replicate(self._feed.examples, self._devices)
    for inputs in self._feed.inputs_in_order(self._size, start, stop):
      self._check()
      outputs = predict(self._network.variables, examples, inputs)
      remaining = min(self._size, stop - start)
      labels, counts, probabilities = (part[:remaining] for part in outputs)
      yield Predictions(labels, counts, np.ones(remaining, np.int32), probabilities)
      start += remaining

  def _of_centre(self, variables, examples, inputs):
    batch = self._feed.batch(examples, inputs, None)
    return batch.labels, batch.counts, self._probabilities(variables, batch.images)

  def _probabilities(self, variables, images) -> jax.Array:
    logits = self._network.model.apply(variables, images, train=False)
    return jax.nn.softmax(logits)

  def _by_views(self, start: int, stop: int) -> Iterator[Predictions]:
    predict = parallel.spread_examples(self._of_views, self._devices)
    remaining = self._feed.views(start, stop)
    times = 2 if self._mirrors else 1
    while chunk := list(itertools.islice(remaining, CHUNK)):
      images = np.concatenate([image.images for image in chunk])
      of_views = self._in_pieces(predict, images)
      yield Predictions(
        np.asarray([image.label for image in chunk], np.int32),
        np.asarray([image.counts for image in chunk]),
        np.asarray([times * len(image.images) for image in chunk], np.int32),
        _averaged(of_views, chunk),
      )

  def _of_views(self, variables, _, images):
    """The mean over each view and its mirror image, if it is to have one."""
    images = finished(images.astype(jnp.float32))
    if not self._mirrors:
      return self._probabilities(variables, images)
    both = jnp.concatenate([images, images[:, :, ::-1]])
    of_both = self._probabilities(variables, both)
    return (of_both[: len(images)] + of_both[len(images) :]) / 2

  def _in_pieces(
    self, predict: Callable, images: np.ndarray
  ) -> Float[np.ndarray, 'views classes']:
    """From as many calls as it takes; the last is filled up."""
    size, outputs = self._size // 2, []
    padded = np.pad(images, [(0, -len(images) % size), (0, 0), (0, 0), (0, 0)])
    for piece in np.split(padded, len(padded) // size):
      self._check()
      outputs.append(predict(self._network.variables, (), piece))
    return np.concatenate(outputs)[: len(images)]


def _averaged(
  of_views: Float[np.ndarray, 'views classes'], chunk: list[ImageViews]
) -> Float[np.ndarray, 'images classes']:
  """The means over the views of each image, in float32."""
  ends = np.cumsum([len(image.images) for image in chunk])[:-1]
  return np.stack(
    [image.shares @ part for image, part in zip(chunk, np.split(of_views, ends))]
  )

"""Photographs of one size, kept decoded on the device and cropped there."""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt32
from ml_collections import ConfigDict

from bn_repro.data import crops, decode, distort, sampler, sources, views
from bn_repro.data.distort import Distortion
from bn_repro.data.feed import Batch, Feed, ImageViews
from bn_repro.data.order import Order
from bn_repro.run.errors import UserError


class Boxes(NamedTuple):
  """Inputs of `ResidentImages`."""

  indices: Int32[np.ndarray, '*steps batch']
  boxes: Float32[np.ndarray, '*steps batch 4']
  positions: UInt32[np.ndarray, '*steps batch']
  counts: Bool[np.ndarray, '*steps batch']


class ResidentImages(Feed):
  """Images of one size, decoded once and cropped on the device."""

  def __init__(
    self,
    examples: sources.Examples,
    config: ConfigDict,
    devices: list[jax.Device],
    skipped: tuple[int, ...] = (),
  ):
    """Takes `[n, height, width, 3]` uint8, without the examples at `skipped`."""
    number, self._height, self._width, _ = examples.images.shape
    super().__init__(number, config, devices)
    self.examples = examples
    self.skipped = skipped
    self._order = Order(config, number)
    self._mirrors = config.dataset.get('mirror', True)
    size = config.dataset.size
    if min(self._height, self._width) < size:
      raise UserError(
        f'images of {self._height}x{self._width} are smaller than the crop, '
        f'config.dataset.size={size}; choose {min(self._height, self._width)} or less, '
        'or a data set of larger images'
      )

  def inputs(self, steps: range, stream: int = sampler.TRAINING) -> Boxes:
    order, sides = self._order, self._sides(self._order.batch_size)
    boxes = [crops.random_boxes(order.uniforms(step, stream), *sides) for step in steps]
    indices = order.indices(steps, stream)
    whole = Boxes(
      indices, np.stack(boxes), order.positions(steps), np.ones_like(indices, bool)
    )
    share = self._share(order.batch_size)
    return Boxes(*(part[:, share] for part in whole))

  def inputs_in_order(
    self, size: int, start: int = 0, stop: int | None = None
  ) -> Iterator[Boxes]:
    for indices, counts in self._in_order(size, start, stop):
      boxes = crops.centre_boxes(*self._sides(len(indices)))
      yield Boxes(indices, boxes, indices.astype(np.uint32), counts)

  def views(self, start: int = 0, stop: int | None = None) -> Iterator[ImageViews]:
    images, labels = self.examples
    size = self._config.dataset.size
    counted = views.distinct(self._height, self._width, size)
    for i in self.chosen(start, stop):
      cut = decode.cut_views(images[i], list(counted), size)
      yield ImageViews(cut, views.shares(counted), int(labels[i]), True)

  def _sides(self, number: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full(number, self._height), np.full(number, self._width)

  def batch(
    self, examples: sources.Examples, inputs: Boxes, distortion: Distortion | None
  ) -> Batch:
    images = distort.resample(
      examples.images[inputs.indices], inputs.boxes, self._config.dataset.size
    )
    images = distort.finished(images, inputs.positions, distortion, self._mirrors)
    return Batch(images, examples.labels[inputs.indices], inputs.counts)


def decode_all(
  split: sources.Split, on_corrupt: str
) -> tuple[sources.Examples, tuple[int, ...]]:
  """All images of a split, which have one size, and the places of skipped ones."""

  read = functools.partial(decode.read_or_skip, on_corrupt, decode.read_whole)
  decoded = list(zip(*split.decoded(read)))
  readable = [(image, label) for image, label in decoded if image is not None]
  if not readable:
    raise UserError('no image of the data set can be read; prepare it again')
  images, labels = zip(*readable)
  shapes = {image.shape[:2] for image in images}
  if len(shapes) > 1:
    some = ' and '.join('x'.join(map(str, shape)) for shape in sorted(shapes)[:2])
    raise UserError(
      f'the images differ in size ({some}); use --config.dataset.feed=stream'
    )
  examples = sources.Examples(np.stack(images), np.asarray(labels, np.int32))
  skipped = tuple(i for i, (image, _) in enumerate(decoded) if image is None)
  return examples, skipped

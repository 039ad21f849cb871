"""Photographs of any size, read as they are needed: the only file that knows Grain.

Threads or processes decode and crop; uint8 pixels go to the device, which does the
rest. Each crop is a function of its place in the order: reading may begin at any step,
and a run that resumes needs no saved iterator.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import grain
import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from jaxtyping import Bool, Int32, UInt8, UInt32
from ml_collections import ConfigDict

from bn_repro.data import crops, decode, sampler, sources, views, workers
from bn_repro.data.distort import Distortion, finished
from bn_repro.data.feed import Batch, Feed, ImageViews
from bn_repro.data.order import Order
from bn_repro.data.workers import BATCHES_AHEAD
from bn_repro.run import notices, watch
from bn_repro.run.devices import cores
from bn_repro.run.errors import UserError

_LAST_STEP = 2**31 - 1  # training ends when it has taken enough steps


class Crops(NamedTuple):
  """Inputs of `StreamedImages`."""

  images: UInt8[np.ndarray, '*steps batch size size 3']
  labels: Int32[np.ndarray, '*steps batch']
  positions: UInt32[np.ndarray, '*steps batch']
  counts: Bool[np.ndarray, '*steps batch']
  # How many unreadable images were skipped before each crop of training.
  skipped: Int32[np.ndarray, '*steps batch']


class Crop(NamedTuple):
  """One of `Crops`."""

  image: np.ndarray
  label: int = 0
  counts: bool = True
  skipped: int = 0


class Reader:
  """Reads what a network sees of one half of a data set; is sent to Grain's workers."""

  def __init__(self, split: sources.Split, config: ConfigDict):
    self._split = split
    self._order = Order(config, len(split))
    self._size = config.dataset.size
    self._on_corrupt = config.dataset.on_corrupt
    self._black = np.zeros((self._size, self._size, 3), np.uint8)

  def training_crops(self, share: slice, stream: int, step: int) -> Crops:
    """Random crops of the mini-batch of a step, the share of this process."""
    order = self._order
    uniforms = order.uniforms(step, stream)[share]
    first = step * order.batch_size + share.start
    readable = [
      self._next_readable(first + row, stream, of_row)
      for row, of_row in enumerate(uniforms)
    ]
    return _together(readable, order.positions(range(step, step + 1))[0, share])

  def centre_crops(self, mini_batch: tuple[np.ndarray, np.ndarray]) -> Crops:
    """The centres of the examples of a mini-batch: indices, and which of them count."""
    indices, counts = mini_batch
    centres = [
      self._crop(index) if is_counted else Crop(self._black, counts=False)
      for index, is_counted in zip(indices.tolist(), counts)
    ]
    return _together(centres, indices.astype(np.uint32))

  def views(self, index: int) -> ImageViews:
    """The views of an example; black if it cannot be read and is skipped."""
    record, counted = self._split[index], {}

    def choose(height, width):
      counted.update(views.distinct(height, width, self._size))
      return counted

    images = self._read(decode.read_views, record, choose)
    if images is None:
      black, shares = self._black[None], np.ones(1, np.float32)
      return ImageViews(black, shares, record.label, counts=False)
    return ImageViews(images, views.shares(counted), record.label, counts=True)

  def _next_readable(self, position: int, stream: int, uniforms: np.ndarray) -> Crop:
    """Of the first image that can be read, from a position of the order on."""
    for skipped in range(len(self._split)):
      crop = self._crop(self._order.example_at(position + skipped, stream), uniforms)
      if crop.counts:
        return crop._replace(skipped=skipped)
    raise UserError('no image of the data set can be read')

  def _crop(self, index: int, uniforms: np.ndarray | None = None) -> Crop:
    """A random box of an image, or its centre."""
    record = self._split[index]

    def choose_box(height, width):
      sides = np.array([height]), np.array([width])
      if uniforms is None:
        return crops.centre_boxes(*sides)[0]
      return crops.random_boxes(uniforms[None], *sides)[0]

    image = self._read(decode.read_crop, record, choose_box)
    if image is None:
      return Crop(self._black, counts=False)
    return Crop(image, record.label)

  def _read(
    self, read: Callable, record: sources.Record, choose: Callable
  ) -> np.ndarray | None:
    return decode.read_or_skip(
      self._on_corrupt, read, record.data, choose, self._size, record.name
    )


def _together(crops: list[Crop], positions: np.ndarray) -> Crops:
  images, labels, counts, skipped = map(np.stack, zip(*crops))
  labels, skipped = labels.astype(np.int32), skipped.astype(np.int32)
  return Crops(images, labels, positions, counts, skipped)


class StreamedImages(Feed):
  """Images that are read, decoded and cropped by Grain's workers."""

  def __init__(
    self, split: sources.Split, config: ConfigDict, devices: list[jax.Device]
  ):
    super().__init__(len(split), config, devices)
    self._reader = Reader(split, config)
    self._streams: dict[int, tuple[int, Iterator[Crops]]] = {}
    self._image_bytes = 3 * config.dataset.size**2
    self._workers = config.dataset.workers
    self._mirrors = config.dataset.get('mirror', True)
    # As the evaluator rounds it.
    evaluation = -(-config.evaluation_batch_size // len(devices)) * len(devices)
    # Training, population statistics and evaluation may read at the same time.
    sizes = (config.batch_size, config.batch_size, evaluation)
    images = sum(len(range(size)[self._share(size)]) for size in sizes)
    self._needed = workers.memory_needed(self._workers, images * self._image_bytes)

  def inputs(self, steps: range, stream: int = sampler.TRAINING) -> Crops:
    # Steps that follow on the last ones have been read ahead.
    step, batches = self._streams.get(stream, (None, None))
    if step != steps.start:
      share = self._share(self._config.batch_size)
      read = functools.partial(self._reader.training_crops, share, stream)
      batches = self._read(read, range(steps.start, _LAST_STEP), self._needed)
    taken = [next(batches) for _ in steps]
    self._streams[stream] = (steps.stop, batches)
    if len(taken) == 1:  # a copy less
      return jax.tree.map(lambda part: part[None], taken[0])
    return jax.tree.map(lambda *parts: np.stack(parts), *taken)

  def inputs_in_order(
    self, size: int, start: int = 0, stop: int | None = None
  ) -> Iterator[Crops]:
    mini_batches = [*self._in_order(size, start, stop)]
    yield from self._read(self._reader.centre_crops, mini_batches, self._needed)

  def views(self, start: int = 0, stop: int | None = None) -> Iterator[ImageViews]:
    element = views.NUMBER // 2 * self._image_bytes
    needed = workers.memory_needed(self._workers, element)
    yield from self._read(self._reader.views, self.chosen(start, stop), needed)

  def _read(
    self, read: Callable[[Any], Any], places: Sequence[Any], needed: int
  ) -> Iterator[Any]:
    """`read(place)` for each place, in order, ahead of time, by threads or processes.

    `read` is a function of a place alone; `needed` is of `workers.memory_needed`.
    """
    batches = grain.MapDataset.source(places).map(read)
    # More threads than cores only get in each other's way.
    threads = min(len(cores()), BATCHES_AHEAD)
    batches = batches.to_iter_dataset(grain.ReadOptions(threads, BATCHES_AHEAD))
    if not self._workers:
      return watch.reading(iter(batches))
    # Grain hands absl's flags to its workers, and not every program has parsed them.
    if not flags.FLAGS.is_parsed():
      flags.FLAGS.mark_as_parsed()
    workers.keep_tracker_quiet()
    batches = batches.mp_prefetch(
      grain.MultiprocessingOptions(self._workers, per_worker_buffer_size=BATCHES_AHEAD),
      functools.partial(workers.begin, notices.shared_folder()),
    )
    return watch.reading(workers.supervised(iter(batches), self._workers, needed))

  def batch(
    self, examples: tuple, inputs: Crops, distortion: Distortion | None
  ) -> Batch:
    images = inputs.images.astype(jnp.float32)
    images = finished(images, inputs.positions, distortion, self._mirrors)
    return Batch(images, inputs.labels, inputs.counts)

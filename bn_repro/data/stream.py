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
from ml_collections import ConfigDict

from bn_repro.data import crops, decode, sampler, sources, views, workers
from bn_repro.data.distort import finished
from bn_repro.data.feed import Batch, ImageViews, chosen, in_order
from bn_repro.data.order import Order
from bn_repro.data.workers import BATCHES_AHEAD
from bn_repro.run import collectives, notices, provenance, watch
from bn_repro.run.errors import UserError

_LAST_STEP = 2**31 - 1  # training ends when it has taken enough steps


class Crops(NamedTuple):
  """Inputs of `StreamedImages`, `[..., batch]`; `images` have `[size, size, 3]` more.

  `skipped` counts the images that could not be read on the way to each crop.
  """

  images: np.ndarray
  labels: np.ndarray
  positions: np.ndarray
  counts: np.ndarray
  skipped: np.ndarray


class Crop(NamedTuple):
  """One of `Crops`; black, and not counted, where `image` is None."""

  image: np.ndarray | None = None
  label: int = 0
  skipped: int = 0


class Reader:
  """Reads what a network sees of one half of a data set; is sent to Grain's workers."""

  def __init__(self, split: sources.Split, config: ConfigDict):
    self._split = split
    self._order = Order(config, len(split))
    self._size = config.dataset.size
    self._on_corrupt = config.dataset.on_corrupt

  def training_crops(self, share: slice, stream: int, step: int) -> Crops:
    """Random crops of the mini-batch of a step, the share of this process."""
    order = self._order
    uniforms = order.uniforms(step, stream)[share]
    first = step * order.batch_size + share.start
    found = [
      self._next_readable(first + row, stream, of_row)
      for row, of_row in enumerate(uniforms)
    ]
    return self._together(found, order.positions(range(step, step + 1))[0, share])

  def centre_crops(self, mini_batch: tuple[np.ndarray, np.ndarray]) -> Crops:
    """The centres of the examples of a mini-batch of `in_order`."""
    indices, counts = mini_batch
    found = [
      self._crop(index) if is_counted else Crop()
      for index, is_counted in zip(indices.tolist(), counts)
    ]
    return self._together(found, indices.astype(np.uint32))

  def views(self, index: int) -> ImageViews:
    """The views of an example; black if it cannot be read and is skipped."""
    record, size = self._split[index], self._size
    counted = {}

    def choose(height, width):
      counted.update(views.distinct(height, width, size))
      return counted

    images = decode.read_or_skip(
      self._on_corrupt, decode.read_views, record.data, choose, size, record.name
    )
    if images is None:
      black = np.zeros((1, size, size, 3), np.uint8)
      return ImageViews(black, np.ones(1, np.float32), record.label, False)
    return ImageViews(images, views.shares(counted), record.label, True)

  def _next_readable(self, position: int, stream: int, uniforms: np.ndarray) -> Crop:
    """Of the first image that can be read, from a position of the order on."""
    for skipped in range(len(self._split)):
      crop = self._crop(self._order.example_at(position + skipped, stream), uniforms)
      if crop.image is not None:
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

    image = decode.read_or_skip(
      self._on_corrupt,
      decode.read_crop, record.data, choose_box, self._size, record.name,
    )  # fmt: skip
    return Crop(skipped=1) if image is None else Crop(image, record.label)

  def _together(self, read: list[Crop], positions: np.ndarray) -> Crops:
    black = np.zeros((self._size, self._size, 3), np.uint8)
    images, labels, skipped = zip(*read)
    return Crops(
      np.stack([black if image is None else image for image in images]),
      np.asarray(labels, np.int32),
      positions,
      np.asarray([image is not None for image in images]),
      np.asarray(skipped, np.int32),
    )


class StreamedImages:
  """Images that are read, decoded and cropped by Grain's workers: a `Feed`."""

  examples = ()

  def __init__(
    self, split: sources.Split, config: ConfigDict, devices: list[jax.Device]
  ):
    self.num_examples = len(split)
    self.num_skipped = 0
    self._reader = Reader(split, config)
    self._config = config
    self._devices = devices
    self._streams: dict[int, tuple[int, Iterator[Crops]]] = {}
    self._workers = config.dataset.workers
    self._needed = self._shared_memory_needed()
    workers.check_memory(self._needed, self._workers)

  def _shared_memory_needed(self) -> int:
    """Bytes at most: of training, population statistics and evaluation together."""
    training, evaluation = (
      len(range(size)[collectives.share_of_process(size, self._devices)])
      for size in (
        self._config.batch_size,
        # As the evaluator rounds it.
        -(-self._config.evaluation_batch_size // len(self._devices))
        * len(self._devices),
      )
    )
    image = 3 * self._config.dataset.size**2
    readers = (training * image, training * image, evaluation * image)
    return workers.bytes_needed(self._workers, *readers)

  def inputs(self, steps: range, stream: int = sampler.TRAINING) -> Crops:
    """As `Feed`; steps that follow on the last ones have been read ahead."""
    step, batches = self._streams.get(stream, (None, None))
    if step != steps.start:
      batches = self._read_from(steps.start, stream)
    taken = [next(batches) for _ in steps]
    self._streams[stream] = (steps.stop, batches)
    if len(taken) == 1:  # a copy less
      return jax.tree.map(lambda part: part[None], taken[0])
    return jax.tree.map(lambda *parts: np.stack(parts), *taken)

  def _read_from(self, step: int, stream: int) -> Iterator[Crops]:
    share = collectives.share_of_process(self._config.batch_size, self._devices)
    read = functools.partial(self._reader.training_crops, share, stream)
    return _read(read, range(step, _LAST_STEP), self._workers, self._needed)

  def inputs_in_order(
    self, size: int, start: int = 0, stop: int | None = None
  ) -> Iterator[Crops]:
    """As `Feed`."""
    examples = chosen(self.num_examples, start, stop)
    mini_batches = [*in_order(examples, size, self._devices)]
    read = self._reader.centre_crops
    self.num_skipped = 0
    for batch in _read(read, mini_batches, self._workers, self._needed):
      self.num_skipped += int(np.sum(batch.skipped))
      yield batch

  def views(self, start: int = 0, stop: int | None = None) -> Iterator[ImageViews]:
    """As `Feed`."""
    image = 3 * self._config.dataset.size**2
    needed = workers.bytes_needed(self._workers, views.NUMBER // 2 * image)
    workers.check_memory(needed, self._workers)
    examples = chosen(self.num_examples, start, stop)
    yield from _read(self._reader.views, examples, self._workers, needed)

  def batch(self, examples: tuple, inputs: Crops, stream: int | None) -> Batch:
    """As `Feed`; images are `[batch, size, size, 3]` from -1 to 1."""
    images = inputs.images.astype(jnp.float32)
    images = finished(images, inputs.positions, self._config, stream)
    return Batch(images, inputs.labels, inputs.counts)


def _read(
  read: Callable[[Any], Any], places: Sequence[Any], processes: int, needed: int
) -> Iterator[Any]:
  """`read(place)` for each of the places, ahead of time, by threads or processes.

  Args:
    read: a function of a place alone.
    places: what to read, in order.
    processes: how many; with 0, threads of this one.
    needed: bytes of shared memory that all readers of this run hold at most.
  """
  batches = grain.MapDataset.source(places).map(read)
  # More threads than cores only get in each other's way.
  threads = min(provenance.cores(), BATCHES_AHEAD)
  batches = batches.to_iter_dataset(grain.ReadOptions(threads, BATCHES_AHEAD))
  if not processes:
    return watch.reading(iter(batches))
  _let_flags_be_read()
  workers.keep_tracker_quiet()
  batches = batches.mp_prefetch(
    grain.MultiprocessingOptions(processes, per_worker_buffer_size=BATCHES_AHEAD),
    functools.partial(workers.begin, notices.shared_folder()),
  )
  return watch.reading(workers.supervised(iter(batches), processes, needed))


def _let_flags_be_read() -> None:
  """Grain hands absl's flags to its workers, and not every program has parsed them."""
  if not flags.FLAGS.is_parsed():
    flags.FLAGS.mark_as_parsed()

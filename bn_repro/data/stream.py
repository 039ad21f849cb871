"""Photographs of any size, read as they are needed: the only file that knows Grain.

Threads or processes decode and crop; uint8 goes to the device, which does the
rest. Every crop is a function of its place in the order, so that reading may
begin at any step and nothing has to be saved to resume.
"""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import grain
import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from ml_collections import ConfigDict

from bn_repro.data import crops, decode, sampler, sources, views, workers
from bn_repro.data.feed import Batch, ImageViews, chosen
from bn_repro.data.order import Order, finished, stop_or_skip
from bn_repro.data.workers import BATCHES_AHEAD
from bn_repro.run import collectives, notices, provenance, watch
from bn_repro.run.errors import UserError


class Crops(NamedTuple):
  """Inputs of `StreamedImages`, `[..., batch]`, images with `[size, size, 3]` more."""

  images: np.ndarray
  labels: np.ndarray
  positions: np.ndarray
  counts: np.ndarray
  skipped: np.ndarray


class TrainingCrops:
  """The mini-batches of one stream, step by step: a source for Grain.

  An image that cannot be read is replaced by the next of the order that can.
  """

  def __init__(
    self, split: sources.Split, config: ConfigDict, share: slice, stream: int
  ):
    self._split = split
    self._order = Order(config, len(split))
    self._size = config.dataset.size
    self._on_corrupt = config.dataset.on_corrupt
    self._share, self._stream = share, stream

  def __len__(self) -> int:
    # Training ends when it has taken enough steps.
    return 2**31 - 1

  def __getitem__(self, step: int) -> Crops:
    """The crops of a step that this process reads, `[share, ...]`."""
    order, share = self._order, self._share
    uniforms = order.uniforms(step, self._stream)[share]
    found = _black(order.positions(range(step, step + 1))[0, share], self._size)
    first = step * order.batch_size + share.start
    for row in range(len(uniforms)):
      self._fill(found, row, first + row, uniforms[row : row + 1])
    return found

  def _fill(self, found: Crops, row: int, position: int, uniforms) -> None:
    """Fills a row with the first image from a place of the order on."""
    for skipped in range(len(self._split)):
      record = self._split[self._order.example_at(position + skipped, self._stream)]
      image = _read_crop(record, uniforms, self._size, self._on_corrupt)
      if image is not None:
        found.skipped[row] = skipped
        return _put(found, row, image, record.label)
    raise UserError('no image of the data set can be read')


class CentreCrops:
  """Consecutive examples of a split by their centres: a source for Grain.

  Its elements are the shares of chunks. What fills up the last one does not count,
  and neither does an image that cannot be read.
  """

  def __init__(
    self,
    split: sources.Split,
    config: ConfigDict,
    size: int,
    share: slice,
    examples: range,
  ):
    self._split, self._examples = split, examples
    self._size = config.dataset.size
    self._on_corrupt = config.dataset.on_corrupt
    self._chunk, self._share = size, share

  def __len__(self) -> int:
    return -(-len(self._examples) // self._chunk)

  def __getitem__(self, chunk: int) -> Crops:
    """The crops of a chunk that this process reads, `[share, ...]`."""
    places = np.arange(self._chunk, dtype=np.uint32)[self._share]
    first = np.uint32(self._examples.start + chunk * self._chunk)
    found = _black(first + places, self._size)
    for row, index in enumerate(map(int, found.positions)):
      if index in self._examples:
        self._fill(found, row, index)
    return found

  def _fill(self, found: Crops, row: int, index: int) -> None:
    """Fills a row, or counts the image as skipped."""
    record = self._split[index]
    image = _read_crop(record, None, self._size, self._on_corrupt)
    if image is None:
      found.skipped[row] = 1
    else:
      _put(found, row, image, record.label)


class AllViews:
  """All that GoogLeNet's evaluation sees of each example: a source for Grain."""

  def __init__(self, split: sources.Split, config: ConfigDict, examples: range):
    self._split, self._examples = split, examples
    self._size = config.dataset.size
    self._on_corrupt = config.dataset.on_corrupt

  def __len__(self) -> int:
    return len(self._examples)

  def __getitem__(self, index: int) -> ImageViews:
    """The views of an example; black if it is skipped."""
    record, size = self._split[self._examples[index]], self._size
    counted = {}

    def choose(height, width):
      counted.update(views.distinct(height, width, size))
      return counted

    try:
      images = decode.read_views(record.data, choose, size, record.name)
    except decode.CorruptImage as error:
      stop_or_skip(error, self._on_corrupt)
      black = np.zeros((1, size, size, 3), np.uint8)
      return ImageViews(black, np.ones(1, np.float32), record.label, False)
    return ImageViews(images, views.shares(counted), record.label, True)


def _black(positions: np.ndarray, size: int) -> Crops:
  """Room for so many crops, none of which counts."""
  number = len(positions)
  return Crops(
    np.zeros((number, size, size, 3), np.uint8),
    np.zeros(number, np.int32),
    positions,
    np.zeros(number, bool),
    np.zeros(number, np.int32),
  )


def _put(found: Crops, row: int, image: np.ndarray, label: int) -> None:
  found.images[row], found.labels[row], found.counts[row] = image, label, True


def _read_crop(record, uniforms, size, on_corrupt) -> np.ndarray | None:
  """A random box of an image, or its centre; None if it is skipped."""

  def choose_box(height, width):
    sides = np.array([height]), np.array([width])
    if uniforms is None:
      return crops.centre_boxes(*sides)[0]
    return crops.random_boxes(uniforms, *sides)[0]

  try:
    return decode.read_crop(record.data, choose_box, size, record.name)
  except decode.CorruptImage as error:
    return stop_or_skip(error, on_corrupt)


class StreamedImages:
  """Images that are read, decoded and cropped by Grain's workers: a `Feed`."""

  examples = ()

  def __init__(
    self, split: sources.Split, config: ConfigDict, devices: list[jax.Device]
  ):
    self.num_examples = len(split)
    self.num_skipped = 0
    self._split = split
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
    source = TrainingCrops(self._split, self._config, share, stream)
    return _read(source, step, self._workers, self._needed)

  def inputs_in_order(
    self, size: int, start: int = 0, stop: int | None = None
  ) -> Iterator[Crops]:
    """As `Feed`."""
    share = collectives.share_of_process(size, self._devices)
    examples = chosen(self.num_examples, start, stop)
    source = CentreCrops(self._split, self._config, size, share, examples)
    self.num_skipped = 0
    for batch in _read(source, 0, self._workers, self._needed):
      self.num_skipped += int(np.sum(batch.skipped))
      yield batch

  def views(self, start: int = 0, stop: int | None = None) -> Iterator[ImageViews]:
    """As `Feed`."""
    source = AllViews(self._split, self._config, chosen(self.num_examples, start, stop))
    image = 3 * self._config.dataset.size**2
    needed = workers.bytes_needed(self._workers, views.NUMBER // 2 * image)
    workers.check_memory(needed, self._workers)
    yield from _read(source, 0, self._workers, needed)

  def batch(self, examples: tuple, inputs: Crops, stream: int | None) -> Batch:
    """As `Feed`; images are `[batch, size, size, 3]` from -1 to 1."""
    images = inputs.images.astype(jnp.float32)
    images = finished(images, inputs.positions, self._config, stream)
    return Batch(images, inputs.labels, inputs.counts)


def _read(source: Any, start: int, processes: int, needed: int) -> Iterator[Crops]:
  """Elements of a source from a place on, read ahead by threads or processes.

  Args:
    source: of Grain.
    start: index of the first element.
    processes: how many; with 0, threads of this one.
    needed: bytes of shared memory that all readers of this run hold at most.
  """
  batches = grain.MapDataset.source(source).slice(slice(start, None))
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

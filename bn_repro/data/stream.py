"""Photographs of any size, read as they are needed: the only file that knows Grain.

Threads or processes decode and crop; uint8 goes to the device, which does the
rest. Every crop is a function of its place in the order, so that reading may
begin at any step and nothing has to be saved to resume.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import grain
import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from bn_repro import parallel
from bn_repro.data import crops, decode, sampler, sources
from bn_repro.data.images import Order, finished, stop_or_skip
from bn_repro.data.pipeline import Batch
from bn_repro.errors import UserError

READING_THREADS = 8
BATCHES_AHEAD = 8  # read ahead of the step that is taken


class Crops(NamedTuple):
  """Inputs of `StreamedImages`, `[..., batch]`, images with `[size, size, 3]` more."""

  images: np.ndarray
  labels: np.ndarray
  positions: np.ndarray
  counts: np.ndarray
  skipped: np.ndarray


class TrainingCrops:
  """The crops of one stream, place by place: a source for Grain.

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

  def __getitem__(self, place: int) -> Crops:
    """The crop at a place among those that this process reads."""
    step, row = divmod(place, self._share.stop - self._share.start)
    row += self._share.start
    uniforms = self._order.uniforms(step, self._stream)[row : row + 1]
    position = step * self._order.batch_size + row
    for skipped in range(len(self._split)):
      ahead, column = divmod(row + skipped, self._order.batch_size)
      steps = range(step + ahead, step + ahead + 1)
      record = self._split[int(self._order.indices(steps, self._stream)[0, column])]
      image = _read_crop(record, uniforms, self._size, self._on_corrupt)
      if image is not None:
        return _crop(image, record.label, position, True, skipped)
    raise UserError('no image of the data set can be read')


class CentreCrops:
  """Every example of a split once, by its centre: a source for Grain."""

  def __init__(self, split: sources.Split, config: ConfigDict, size: int, share: slice):
    self._split = split
    self._size = config.dataset.size
    self._on_corrupt = config.dataset.on_corrupt
    self._chunk, self._share = size, share

  def __len__(self) -> int:
    chunks = -(-len(self._split) // self._chunk)
    return chunks * (self._share.stop - self._share.start)

  def __getitem__(self, place: int) -> Crops:
    """The crop at a place among those that this process reads."""
    chunk, row = divmod(place, self._share.stop - self._share.start)
    index = chunk * self._chunk + self._share.start + row
    if index >= len(self._split):
      return self._left_out(index, skipped=0)
    record = self._split[index]
    image = _read_crop(record, None, self._size, self._on_corrupt)
    if image is None:
      return self._left_out(index, skipped=1)
    return _crop(image, record.label, index, True, 0)

  def _left_out(self, index: int, skipped: int) -> Crops:
    black = np.zeros((self._size, self._size, 3), np.uint8)
    return _crop(black, 0, index, False, skipped)


def _crop(image, label, position, counts, skipped) -> Crops:
  return Crops(
    image, np.int32(label), np.uint32(position), np.bool_(counts), np.int32(skipped)
  )


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

  def inputs(self, steps: range, stream: int = sampler.TRAINING) -> Crops:
    """As `Feed`; steps that follow on the last ones have been read ahead."""
    step, batches = self._streams.get(stream, (None, None))
    if step != steps.start:
      batches = self._read_from(steps.start, stream)
    taken = [next(batches) for _ in steps]
    self._streams[stream] = (steps.stop, batches)
    self.num_skipped += sum(int(np.sum(batch.skipped)) for batch in taken)
    return jax.tree.map(lambda *parts: np.stack(parts), *taken)

  def _read_from(self, step: int, stream: int) -> Iterator[Crops]:
    share = parallel.share_of_process(self._config.batch_size, self._devices)
    source = TrainingCrops(self._split, self._config, share, stream)
    size = share.stop - share.start
    return _read(source, step * size, size, self._config.dataset.workers)

  def inputs_in_order(self, size: int) -> Iterator[Crops]:
    """As `Feed`."""
    share = parallel.share_of_process(size, self._devices)
    source = CentreCrops(self._split, self._config, size, share)
    self.num_skipped = 0
    for batch in _read(
      source, 0, share.stop - share.start, self._config.dataset.workers
    ):
      self.num_skipped += int(np.sum(batch.skipped))
      yield batch

  def batch(self, examples: tuple, inputs: Crops, stream: int | None) -> Batch:
    """As `Feed`; images are `[batch, size, size, 3]` from -1 to 1."""
    images = inputs.images.astype(jnp.float32)
    images = finished(images, inputs.positions, self._config, stream)
    return Batch(images, inputs.labels, inputs.counts)


def _read(source: Any, start: int, size: int, workers: int) -> Iterator[Crops]:
  """Batches of a source from a place on, read ahead by threads or processes."""
  # Whole batches are the elements, so that their order does not depend on how
  # many read them.
  batches = grain.MapDataset.source(source).slice(slice(start, None)).batch(size)
  batches = batches.to_iter_dataset(grain.ReadOptions(READING_THREADS, BATCHES_AHEAD))
  if workers:
    batches = batches.mp_prefetch(
      grain.MultiprocessingOptions(workers, per_worker_buffer_size=BATCHES_AHEAD)
    )
  return iter(batches)

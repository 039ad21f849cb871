"""What both feeds of photographs share, so that they differ in one thing only.

For the same seed and step `resident.ResidentImages` and `stream.StreamedImages`
choose the same examples and the same boxes, and distort them alike on the device.
They differ in where a box is cut out.
"""

import jax
import numpy as np
from ml_collections import ConfigDict

from bn_repro.data import crops, decode, distort, sampler
from bn_repro.run.errors import UserError


class Order:
  """Which example, and which part of it, is at each place of the training order."""

  def __init__(self, config: ConfigDict, num_examples: int):
    self.batch_size = config.batch_size
    self._seed = config.seed
    self._num_examples = num_examples
    is_coarse = config.shuffling == 'coarse'
    self._shard_size = config.shard_size if is_coarse else None

  def indices(self, steps: range, stream: int) -> np.ndarray:
    """`[len(steps), batch_size]` int32."""
    return self._in_mini_batches(steps, self.batch_size, stream)

  def example_at(self, position: int, stream: int) -> int:
    """The one at a place, which is counted from the start of training."""
    place = range(position, position + 1)
    return int(self._in_mini_batches(place, 1, stream)[0, 0])

  def _in_mini_batches(self, steps: range, size: int, stream: int) -> np.ndarray:
    return sampler.example_indices(
      self._seed, steps, size, self._num_examples, stream, self._shard_size
    )

  def uniforms(self, step: int, stream: int) -> np.ndarray:
    """`[batch_size, ...]`: the random numbers behind the boxes of one step."""
    return crops.uniforms_of(self._seed, step, self.batch_size, stream)

  def positions(self, steps: range) -> np.ndarray:
    """`[len(steps), batch_size]` uint32, counted from the start of training."""
    first, last = steps.start * self.batch_size, steps.stop * self.batch_size
    return np.arange(first, last).astype(np.uint32).reshape(-1, self.batch_size)


def finished(
  images: jax.Array, positions: jax.Array, config: ConfigDict, stream: int | None
) -> jax.Array:
  """Network inputs from crops: distorted, then scaled from -1 to 1.

  Args:
    images: `[batch, size, size, 3]` float32 from 0 to 255.
    positions: `[batch]` uint32, what the distortions depend on beside the seed.
    config: of the run.
    stream: as `pipeline.Feed.batch` takes it; None distorts nothing.

  Returns:
    `[batch, size, size, 3]` float32.
  """
  images = images / 255
  if stream is not None:
    keys = distort.example_keys(config.seed, stream, positions)
    images = distort.mirror(keys, images)
    images = distort.photometric(keys, images, config.photometric_distortion)
  return 2 * images - 1


def stop_or_skip(error: decode.CorruptImage, on_corrupt: str) -> None:
  """Raises UserError for an image that cannot be read, unless it is to be skipped."""
  if on_corrupt == 'stop':
    raise UserError(
      f'{error}; mend the data set, or leave such images out with '
      '--config.dataset.on_corrupt=skip'
    ) from error

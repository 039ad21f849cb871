"""The order of training that both feeds of photographs share.

For the same seed and step `resident.ResidentImages` and `stream.StreamedImages`
choose the same examples and the same boxes, and distort them alike on the device.
They differ in where a box is cut out.
"""

import numpy as np
from jaxtyping import Float64, Int32, UInt32
from ml_collections import ConfigDict

from bn_repro.data import crops, sampler


class Order:
  """Which example is at each position of training, and what chooses its box."""

  def __init__(self, config: ConfigDict, num_examples: int):
    self.batch_size = config.batch_size
    self._seed = config.seed
    self._num_examples = num_examples
    is_coarse = config.shuffling == 'coarse'
    self._shard_size = config.shard_size if is_coarse else None

  def indices(
    self, steps: range, stream: int, size: int | None = None
  ) -> Int32[np.ndarray, '{len(steps)} size']:
    """Indices of the examples of these steps, of mini-batches of `size` if given."""
    return sampler.example_indices(
      self._seed,
      steps,
      size or self.batch_size,
      self._num_examples,
      stream,
      self._shard_size,
    )

  def example_at(self, position: int, stream: int) -> int:
    """Index of the example at a position, counted from the start of training."""
    return self.indices(range(position, position + 1), stream, size=1).item()

  def uniforms(
    self, step: int, stream: int
  ) -> Float64[np.ndarray, '{self.batch_size} attempts 4']:
    """The random numbers behind the boxes of one step (`crops.uniforms_of`)."""
    return crops.uniforms_of(self._seed, step, self.batch_size, stream)

  def positions(
    self, steps: range
  ) -> UInt32[np.ndarray, '{len(steps)} {self.batch_size}']:
    """Positions of the examples of these steps, from the start of training."""
    first, last = steps.start * self.batch_size, steps.stop * self.batch_size
    return np.arange(first, last).astype(np.uint32).reshape(-1, self.batch_size)

"""Which examples make a mini-batch: a pure function of seed and step.

A run that is killed and resumed sees the same examples as one that is not, and saves
no iterator. Does not know what an example is.
"""

import functools

import numpy as np
from jaxtyping import Int32, Int64

# Independent streams of one seed.
TRAINING = 0
POPULATION = 1
_SHARDS = 8  # the stream that deals examples to shards


@functools.lru_cache(maxsize=4)
def epoch_order(
  seed: int, stream: int, epoch: int, num_examples: int, shard_size: int | None = None
) -> Int64[np.ndarray, ' {num_examples}']:
  """A random order of all examples.

  Without `shard_size` every epoch has a new order (section 4.2.1's thorough shuffling).
  Otherwise shards of this number of examples are drawn once, and only their order is
  new in every epoch: an example keeps its neighbours.
  """
  order = _generator(seed, stream, epoch)
  if shard_size is None:
    return order.permutation(num_examples)
  # Examples are dealt to shards once, whatever order they are stored in.
  dealt = _generator(seed, _SHARDS, 0).permutation(num_examples)
  shards = np.split(dealt, range(shard_size, num_examples, shard_size))
  return np.concatenate([shards[i] for i in order.permutation(len(shards))])


def _generator(seed: int, stream: int, epoch: int) -> np.random.Generator:
  return np.random.Generator(np.random.Philox(key=[seed, (stream << 32) + epoch]))


def example_indices(
  seed: int,
  steps: range,
  batch_size: int,
  num_examples: int,
  stream: int = TRAINING,
  shard_size: int | None = None,
) -> Int32[np.ndarray, '{len(steps)} {batch_size}']:
  """Indices of the examples of consecutive steps.

  Each epoch takes every example once, in its `epoch_order`; a mini-batch may end
  one epoch and begin the next.
  """
  positions = np.arange(steps.start * batch_size, steps.stop * batch_size)
  epochs, places = np.divmod(positions, num_examples)
  indices = np.empty(len(positions), np.int32)
  for epoch in np.unique(epochs):
    here = epochs == epoch
    order = epoch_order(seed, stream, int(epoch), num_examples, shard_size)
    indices[here] = order[places[here]]
  return indices.reshape(len(steps), batch_size)

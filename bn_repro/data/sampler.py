"""Which examples make a mini-batch: a pure function of seed and step.

A run that was killed and resumed sees the same examples as one that was not,
and no iterator has to be saved for it. Does not know what an example is.
"""

import functools

import numpy as np

# Independent streams of one seed.
TRAINING = 0
POPULATION = 1


@functools.lru_cache(maxsize=4)
def epoch_order(seed: int, stream: int, epoch: int, num_examples: int) -> np.ndarray:
  """A random order of all examples, `[num_examples]` int64."""
  bits = np.random.Philox(key=[seed, (stream << 32) + epoch])
  return np.random.Generator(bits).permutation(num_examples)


def example_indices(
  seed: int,
  steps: range,
  batch_size: int,
  num_examples: int,
  stream: int = TRAINING,
) -> np.ndarray:
  """Indices of the examples of some consecutive steps.

  Each epoch takes every example once, in an order of its own; a mini-batch may
  end one epoch and begin the next.

  Returns:
    `[len(steps), batch_size]` int32, from 0 to num_examples - 1.
  """
  positions = np.arange(steps.start * batch_size, steps.stop * batch_size)
  epochs, places = np.divmod(positions, num_examples)
  indices = np.empty(len(positions), np.int32)
  for epoch in np.unique(epochs):
    here = epochs == epoch
    order = epoch_order(seed, stream, int(epoch), num_examples)
    indices[here] = order[places[here]]
  return indices.reshape(len(steps), batch_size)

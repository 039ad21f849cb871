"""The first examples of a feed, as a network sees them."""

import jax

from bn_repro.data.feed import Batch, Feed
from bn_repro.training import parallel


def first(feed: Feed, number: int, devices: list[jax.Device]) -> Batch:
  """So many examples, or all that there are; not distorted, on the first device.

  Args:
    feed: one half of a data set.
    number: of examples.
    devices: of the experiment.
  """
  number = min(number, feed.num_examples)
  examples = parallel.replicate(feed.examples, devices[:1])
  inputs = next(iter(feed.inputs_in_order(number, stop=number)))
  return feed.batch(examples, inputs, stream=None)

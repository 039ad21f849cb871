"""The first examples of a feed, as a network sees them."""

import jax

from bn_repro import parallel
from bn_repro.data.pipeline import Batch, Feed
from bn_repro.errors import UserError
from bn_repro.evaluate.network import Network


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


def check_is_mlp(network: Network) -> None:
  """Raises UserError unless it is the network of section 4.1."""
  if network.config.model.name != 'mlp':
    raise UserError(
      f'{network.workdir} holds no network of section 4.1; choose a run of '
      'configs/mnist.py'
    )


def check_is_normalized(network: Network) -> None:
  """Raises UserError unless it has batch normalization."""
  if not network.batch_stats:
    raise UserError(
      f'{network.workdir} holds a network without batch normalization; choose a run '
      'that has it'
    )

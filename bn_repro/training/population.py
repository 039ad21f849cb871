"""Algorithm 2, lines 7 to 10: population statistics over training mini-batches.

Line 7 is `frozen`. Lines 8 to 10, for all activations at once: `_of_mini_batch`
measures mean and unbiased variance of a mini-batch, and `PopulationStatistics` averages
over mini-batches, by `transform.population_statistics`. Line 11 is `transform.affine`.

Does not know what is then evaluated with them.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from bn_repro.batch_norm import transform
from bn_repro.data import sampler
from bn_repro.models import networks
from bn_repro.training import parallel
from bn_repro.training.experiment import Experiment
from bn_repro.training.step import OnDevices, in_parts


def frozen(model: nn.Module) -> nn.Module | None:
  """The network as algorithm 2 runs it over training mini-batches (line 7).

  With train=True its `batch_stats` become the mean and the unbiased variance of the
  mini-batch alone, and nothing is dropped. None without batch normalization.
  """
  if model.batch_norm is None:
    return None
  tracked = functools.partial(model.batch_norm, decay=0.0)
  return networks.without_noise(model).clone(batch_norm=tracked)


class PopulationStatistics:
  """Algorithm 2, over the mini-batches that the seed chooses for it.

  They are normalized as in training, by the same groups on the same devices.
  """

  def __init__(
    self,
    experiment: Experiment,
    examples: Any = None,
    check: Callable[[], None] = lambda: None,
  ):
    """Prepares; compiles once.

    Args:
      examples: of the training feed, if they are on the devices already.
      check: called before each mini-batch; may raise, to stop.
    """
    config, self._feed = experiment.config, experiment.feeds.train
    self._check = check
    network = frozen(experiment.model)
    self._has_any = network is not None
    if not self._has_any:
      return
    if examples is None:
      examples = parallel.replicate(self._feed.examples, experiment.devices)
    scalars = parallel.replicate(experiment.hyperparameters, experiment.devices)
    self._on_devices = OnDevices(examples, scalars)
    self._devices = experiment.devices
    self._most_at_once = config.steps_per_call
    # The same at every evaluation, so they are read once.
    self._inputs = [*self._read(config.population_batches)]
    self._run = parallel.spread(_of_mini_batch(experiment, network), experiment.devices)

  def __call__(
    self, params: Any, batch_stats: Any, examples: Any = None,
    mini_batches: int | None = None,
  ) -> Any:  # fmt: skip
    """The population `batch_stats`; the given ones of a network without BN.

    Args:
      examples: as many other examples, in place of the feed's.
      mini_batches: how many to average over; None for the number in the config.
    """
    if not self._has_any:
      return batch_stats
    inputs = self._inputs if mini_batches is None else self._read(mini_batches)
    parts = self._of_parts(params, batch_stats, inputs, examples)
    # The statistics are measured; only the mean of line 10 remains.
    return transform.population_statistics(lambda statistics: statistics, parts)

  def _read(self, mini_batches: int) -> Iterator[Any]:
    """The inputs of that many mini-batches, in equal parts, which weigh the same."""
    part = math.gcd(mini_batches, self._most_at_once)
    for i in range(0, mini_batches, part):
      yield self._feed.inputs(range(i, i + part), sampler.POPULATION)

  def of_single_mini_batches(
    self, params: Any, batch_stats: Any, steps: range
  ) -> Iterator[Any]:
    """The `batch_stats` of single mini-batches, those that would be read at `steps`."""
    read = self._feed.inputs
    inputs = (read(range(step, step + 1), sampler.POPULATION) for step in steps)
    return self._of_parts(params, batch_stats, inputs, None)

  def _of_parts(self, params, batch_stats, all_inputs, examples) -> Iterator[Any]:
    """For each part, the mean of its mini-batches' statistics."""
    state = parallel.on_one((params, batch_stats), self._devices)
    on_devices = self._on_devices
    if examples is not None:
      on_devices = on_devices._replace(examples=examples)
    for inputs in all_inputs:
      self._check()
      number = np.arange(len(jax.tree.leaves(inputs)[0]))
      state, statistics = self._run(state, on_devices, inputs, number)
      # In NumPy: JAX's own reductions of what `pmap` returns can be wrong.
      yield jax.tree.map(lambda leaf: np.mean(leaf, axis=0), jax.device_get(statistics))


def _of_mini_batch(experiment: Experiment, network: nn.Module) -> Callable:
  """A step for `parallel.spread` that changes nothing and measures `batch_stats`."""
  feed, axis = experiment.feeds.train, parallel.axis_name(experiment.devices)
  parts = experiment.parts

  def statistics_of(variables, images):
    _, updated = network.apply(variables, images, train=True, mutable=['batch_stats'])
    return updated['batch_stats']

  def step(state, on_devices, inputs, number):
    variables = dict(zip(('params', 'batch_stats'), state))
    distortion = on_devices.hyperparameters.distortion(sampler.POPULATION)
    images = feed.batch(on_devices.examples, inputs, distortion).images
    if parts == 1:
      statistics = statistics_of(variables, images)
    else:
      of_parts = lambda part: statistics_of(variables, part)
      statistics = jax.lax.map(of_parts, in_parts(images, parts))
      statistics = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), statistics)
    return state, parallel.mean(statistics, axis)

  return step

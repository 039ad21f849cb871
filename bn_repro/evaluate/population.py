"""Algorithm 2: population statistics, averaged over training mini-batches.

Does not know what is then evaluated with them.
"""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from bn_repro import batch_norm, models, parallel
from bn_repro.data import sampler
from bn_repro.experiment import Experiment
from bn_repro.step import in_parts


class PopulationStatistics:
  """Algorithm 2, over the mini-batches that the seed chooses for it.

  They are normalized as in training, by the same groups on the same devices.
  """

  def __init__(self, experiment: Experiment, examples: Any, check: Callable[[], None]):
    config = experiment.config
    self._examples, self._check = examples, check
    frozen = models.frozen(experiment.model)
    self._has_any = frozen is not None
    if not self._has_any:
      return
    # Equal parts: `batch_norm.population_statistics` weighs them the same.
    self._part = math.gcd(config.population_batches, config.steps_per_call)
    # The same at every evaluation, so they are read once.
    self._inputs = [
      experiment.feeds.train.inputs(range(i, i + self._part), sampler.POPULATION)
      for i in range(0, config.population_batches, self._part)
    ]
    self._run = parallel.spread(_of_mini_batch(experiment, frozen), experiment.devices)

  def __call__(self, params: Any, batch_stats: Any) -> Any:
    """The population `batch_stats`; what it is given for a network without BN."""
    if not self._has_any:
      return batch_stats
    state = params, batch_stats
    is_last = np.zeros(self._part, bool)

    def statistics_of(inputs):
      nonlocal state
      self._check()
      state, found = self._run(state, self._examples, inputs, is_last)
      # In NumPy: JAX's own reductions of what `pmap` returns can be wrong.
      return jax.tree.map(lambda leaf: np.mean(leaf, axis=0), jax.device_get(found))

    return batch_norm.population_statistics(statistics_of, self._inputs)


def _of_mini_batch(experiment: Experiment, frozen: nn.Module) -> Callable:
  """A step for `parallel.spread` that changes nothing and measures `batch_stats`."""
  feed, axis = experiment.feeds.train, parallel.axis_name(experiment.devices)
  parts = experiment.config.get('gradient_accumulation', 1)

  def statistics_of(variables, images):
    _, updated = frozen.apply(variables, images, train=True, mutable=['batch_stats'])
    return updated['batch_stats']

  def step(state, examples, inputs, is_last):
    variables = dict(zip(('params', 'batch_stats'), state))
    images = feed.batch(examples, inputs, sampler.POPULATION).images
    if parts == 1:
      found = statistics_of(variables, images)
    else:
      of_parts = lambda part: statistics_of(variables, part)
      found = jax.lax.map(of_parts, in_parts(images, parts))
      found = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), found)
    return state, parallel.mean(found, axis)

  return step

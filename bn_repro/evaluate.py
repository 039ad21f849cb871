"""Accuracy with population statistics, and what reaches the sigmoids.

Algorithm 2 of the paper: the trained network is frozen, its population
statistics are averaged over training mini-batches, and every number that is
reported uses them. The moving average is evaluated beside them, to see how
well it tracks. Does not know how the network came to be.
"""

import copy
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from bn_repro import batch_norm, models, parallel
from bn_repro.data import sampler
from bn_repro.data.pipeline import Feed
from bn_repro.experiment import Experiment
from bn_repro.models.mlp import SIGMOID_INPUTS
from bn_repro.step import TrainState, in_parts

TOP = 5  # of more classes, as figure 4 counts


class Evaluator:
  """Evaluates one network on its data set; compiles once."""

  def __init__(
    self,
    experiment: Experiment,
    training_examples: Any,
    check: Callable[[], None] = lambda: None,
  ):
    """Prepares to evaluate.

    Args:
      experiment: that was built.
      training_examples: the training feed's, on the devices already.
      check: called before each mini-batch; may raise, to give the evaluation up.
    """
    test = experiment.feeds.test
    examples = parallel.replicate(test.examples, experiment.devices)
    self._on_test_set = OnExamples(experiment, test, examples, check)
    self._on_training_set = None
    if number := experiment.config.get('training_images_evaluated', 0):
      # A copy of the feed counts the images that it skips apart.
      train = copy.copy(experiment.feeds.train)
      self._on_training_set = OnExamples(
        experiment, train, training_examples, check, number
      )
    self.population_statistics = PopulationStatistics(
      experiment, training_examples, check
    )

  def __call__(self, state: TrainState) -> tuple[dict, np.ndarray | None]:
    """Evaluates a network, given as host arrays.

    Returns:
      The scalars by their TensorBoard tags (accuracies from 0 to 1), and the
      inputs of the last hidden layer's sigmoids, `[test examples, units]`, of a
      network that has them.
    """
    params, batch_stats = state.params, state.batch_stats
    population = self.population_statistics(params, batch_stats)
    scalars, inputs = self._on_test_set(params, population)
    scalars = {f'test/{name}': value for name, value in scalars.items()}
    if self._on_training_set:
      undistorted, _ = self._on_training_set(params, population)
      scalars['train/accuracy_undistorted'] = undistorted['accuracy']
    if batch_stats:
      tracked, _ = self._on_test_set(params, batch_stats)
      scalars['test/accuracy_moving_average'] = tracked['accuracy']
    if state.averaged:
      population = self.population_statistics(state.averaged, batch_stats)
      averaged, _ = self._on_test_set(state.averaged, population)
      scalars['test/accuracy_polyak'] = averaged['accuracy']
    if num_skipped := self._on_test_set.feed.num_skipped:
      scalars['data/skipped_test_images'] = float(num_skipped)
    return scalars, inputs


class OnExamples:
  """Evaluates networks with fixed statistics on the examples of a feed."""

  def __init__(
    self,
    experiment: Experiment,
    feed: Feed,
    examples: Any,
    check: Callable[[], None],
    most: int | None = None,
  ):
    """Prepares to evaluate.

    Args:
      experiment: that was built.
      feed: the training or the test half; its examples are seen without distortions.
      examples: the feed's, on the devices already.
      check: called before each mini-batch; may raise.
      most: evaluates so many examples, the first of the feed; None for all.
    """
    devices = experiment.devices
    self.feed = feed
    self._examples, self._check, self._most = examples, check, most
    size = experiment.config.evaluation_batch_size
    self._size = -(-size // len(devices)) * len(devices)
    self._forward = parallel.spread_examples(
      _forward(experiment.model, feed, experiment.feeds.num_classes), devices
    )

  def __call__(self, params, batch_stats) -> tuple[dict, np.ndarray | None]:
    """Evaluates one network.

    Args:
      params, batch_stats: of the network, as host arrays; nothing is updated.

    Returns:
      Means over all examples that count, by name (accuracies from 0 to 1), and the
      sigmoid inputs, as those of `Evaluator`.
    """
    outcomes = []
    for inputs in self.feed.inputs_in_order(self._size, self._most):
      self._check()
      outcomes.append(self._forward((params, batch_stats), self._examples, inputs))
    each = {name: np.concatenate([o[name] for o in outcomes]) for name in outcomes[0]}
    counts = each.pop('counts')
    each = {name: values[counts] for name, values in each.items()}
    inputs = each.pop(SIGMOID_INPUTS, None)
    means = {name: float(np.mean(v, dtype=np.float64)) for name, v in each.items()}
    return means, inputs


def _forward(model: nn.Module, feed: Feed, num_classes: int) -> Callable:
  """((params, batch_stats), examples, inputs) -> what is measured of each example."""

  def forward(state, examples, inputs):
    params, batch_stats = state
    batch = feed.batch(examples, inputs, stream=None)
    logits, sown = model.apply(
      {'params': params, 'batch_stats': batch_stats},
      batch.images, train=False, mutable=[SIGMOID_INPUTS],
    )  # fmt: skip
    # Where logits are not finite, `argmax` would answer with a class all the same.
    is_answer = jnp.all(jnp.isfinite(logits), axis=-1)
    outcome = {
      'counts': batch.counts,
      'accuracy': is_answer & (jnp.argmax(logits, axis=-1) == batch.labels),
      'loss': optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels),
    }
    if num_classes > TOP and SIGMOID_INPUTS not in sown:
      outcome['top_5_accuracy'] = is_answer & _is_among_top(logits, batch.labels)
    return outcome | _last_sigmoid_inputs(sown)

  return forward


def _is_among_top(logits, labels):
  _, best = jax.lax.top_k(logits, TOP)
  return jnp.any(best == labels[:, None], axis=-1)


def _last_sigmoid_inputs(sown) -> dict[str, jax.Array]:
  """The inputs of the last hidden layer's sigmoids, if there are any."""
  layers = sown.get(SIGMOID_INPUTS)
  if not layers:
    return {}
  (inputs,) = layers[f'sigmoid_{len(layers)}']
  return {SIGMOID_INPUTS: inputs}


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

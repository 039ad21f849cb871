"""Accuracy with population statistics, and what reaches the sigmoids.

Algorithm 2 of the paper: the trained network is frozen, its population
statistics are averaged over training mini-batches, and every number that is
reported uses them. The moving average is evaluated beside them, to see how
well it tracks. Does not know how the network came to be.
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from bn_repro import batch_norm
from bn_repro.data import sampler
from bn_repro.data.pipeline import Feed
from bn_repro.data.sources import Examples
from bn_repro.models.mlp import SIGMOID_INPUTS

PERCENTILES = (15, 50, 85)  # figure 1 (b, c)
# Test examples that one call of the compiled program takes.
CHUNK = 2_000


class Evaluator:
  """Evaluates one network on one test set; compiles once.

  Args:
    model: the network.
    feed: the training examples, for the population statistics.
    test: the test examples; each is counted exactly once.
    config: of the run; its seed chooses the mini-batches for the statistics.
  """

  def __init__(self, model: nn.Module, feed: Feed, test: Examples, config: ConfigDict):
    self._config = config
    self._examples = feed.examples
    self._test = Feed(test, config)
    self._mini_batches = feed.indices(
      range(config.population_batches), sampler.POPULATION
    )
    self._forward = jax.jit(_forward(model, self._test))
    self._statistics = jax.jit(_mini_batch_statistics(model, feed, config))

  def __call__(self, params: Any, batch_stats: Any) -> tuple[dict, np.ndarray]:
    """Evaluates a network, given as host arrays.

    Args:
      params: the parameters.
      batch_stats: the moving averages, empty for a network without BN.

    Returns:
      The scalars by their TensorBoard tags (accuracies from 0 to 1), and the
      inputs of the last hidden layer's sigmoids, `[test examples, units]`.
    """
    population = batch_stats
    if batch_stats:
      population = self.population_statistics(params, batch_stats)
    accuracy, loss, inputs = self._on_test_set(params, population)
    scalars = {'test/accuracy': accuracy, 'test/loss': loss}
    if batch_stats:
      tracked, _, _ = self._on_test_set(params, batch_stats)
      scalars['test/accuracy_moving_average'] = tracked
    return scalars, inputs

  def population_statistics(self, params: Any, batch_stats: Any) -> Any:
    """`batch_stats` of algorithm 2, over `config.population_batches`."""
    run = functools.partial(self._statistics, params, batch_stats, self._examples)
    return batch_norm.population_statistics(run, [self._mini_batches])

  def _on_test_set(self, params, batch_stats):
    number = len(self._test.examples.labels)
    outcomes = [
      jax.device_get(
        self._forward(params, batch_stats, self._test.examples, np.asarray(chunk))
      )
      for chunk in _chunks(number)
    ]
    correct, losses, inputs = (np.concatenate(part) for part in zip(*outcomes))
    return float(np.mean(correct)), float(np.mean(losses, dtype=np.float64)), inputs


def _chunks(number: int) -> list[np.ndarray]:
  """Every index from 0 to number - 1 exactly once, in order."""
  return np.split(np.arange(number, dtype=np.int32), range(CHUNK, number, CHUNK))


def _forward(model: nn.Module, feed: Feed) -> Callable:
  """(params, batch_stats, examples, indices) -> correct, loss, sigmoid inputs."""

  def forward(params, batch_stats, examples, indices):
    images, labels = feed.batch(examples, indices)
    logits, sown = model.apply(
      {'params': params, 'batch_stats': batch_stats},
      images, train=False, mutable=[SIGMOID_INPUTS],
    )  # fmt: skip
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    last_hidden = f'sigmoid_{len(model.hidden_sizes)}'
    (inputs,) = sown[SIGMOID_INPUTS][last_hidden]
    return jnp.argmax(logits, axis=-1) == labels, losses, inputs

  return forward


def _mini_batch_statistics(
  model: nn.Module, feed: Feed, config: ConfigDict
) -> Callable:
  """The mean `batch_stats` of a stack of mini-batches, each normalized apart."""
  if model.batch_norm is None:
    return lambda *unused: {}
  frozen = model.clone(
    batch_norm=functools.partial(
      model.batch_norm, decay=0.0, axis_name=None, group_size=config.batch_size
    )
  )

  def statistics(params, batch_stats, examples, mini_batches):
    images, _ = feed.batch(examples, mini_batches.ravel())
    _, updated = frozen.apply(
      {'params': params, 'batch_stats': batch_stats},
      images, train=True, mutable=['batch_stats'],
    )  # fmt: skip
    return updated['batch_stats']

  return statistics


def percentiles(inputs: np.ndarray) -> np.ndarray:
  """`PERCENTILES` over examples, `[3, units]`, of inputs `[examples, units]`."""
  return np.percentile(inputs, PERCENTILES, axis=0).astype(np.float32)

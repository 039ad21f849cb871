"""Evaluation while a network is trained: single crops, and what reaches the sigmoids.

Every number that is reported uses population statistics (algorithm 2). The moving
average is evaluated too, to see how well it tracks them. Does not know how the network
was trained.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float

from bn_repro.data.feed import Feed
from bn_repro.models.mlp import SIGMOID_INPUTS, sigmoid_inputs
from bn_repro.run.errors import UserError
from bn_repro.run.summary import TOP
from bn_repro.training import parallel
from bn_repro.training.experiment import Experiment
from bn_repro.training.population import PopulationStatistics
from bn_repro.training.probes.probes import Probes
from bn_repro.training.step import TrainState

SigmoidInputs = Float[np.ndarray, 'examples units'] | None


class Evaluator:
  """Evaluates one network on its data set; compiles once."""

  def __init__(
    self,
    experiment: Experiment,
    training_examples: Any,
    check: Callable[[], None] = lambda: None,
  ):
    """`training_examples` are the training feed's, on the devices already.

    `check` is called before each mini-batch; it may raise, to stop.
    """
    config, feeds = experiment.config, experiment.feeds
    self._on_test_set = ExampleEvaluator(experiment, feeds.test, check=check)
    self._on_training_set = None
    if number := config.get('training_images_evaluated', 0):
      self._on_training_set = ExampleEvaluator(
        experiment, feeds.train, training_examples, check, number
      )
    self.population_statistics = PopulationStatistics(
      experiment, training_examples, check
    )
    self._probes = Probes(experiment)
    self._last = experiment.lengths.last_evaluations
    self._last_mini_batches = config.get('last_population_batches', 0)
    self._has_moving_average = config.get('moving_average_evaluated', True)

  def __call__(
    self, state: TrainState
  ) -> tuple[dict[str, float | None], SigmoidInputs]:
    """Scalars by tag (accuracies from 0 to 1), and the inputs of the last sigmoids.

    A scalar is None where a probe has no finite value. The inputs are those of all test
    examples; None of a network that has no sigmoids. `state` holds host arrays.
    """
    params, batch_stats = state.params, state.batch_stats
    mini_batches = self._mini_batches(int(state.step))
    population = self.population_statistics(
      params, batch_stats, mini_batches=mini_batches
    )
    scalars, inputs = self._on_test_set(params, population)
    scalars = {f'test/{name}': value for name, value in scalars.items()}
    scalars |= self._probes(state, population)
    if self._on_training_set:
      undistorted, _ = self._on_training_set(params, population)
      scalars['train/accuracy_undistorted'] = undistorted['accuracy']
    if batch_stats and self._has_moving_average:
      tracked, _ = self._on_test_set(params, batch_stats)
      scalars['test/accuracy_moving_average'] = tracked['accuracy']
    if state.averaged and int(state.step) == 0:  # they are the initial weights
      scalars['test/accuracy_polyak'] = scalars['test/accuracy']
    elif state.averaged:
      population = self.population_statistics(
        state.averaged, batch_stats, mini_batches=mini_batches
      )
      averaged, _ = self._on_test_set(state.averaged, population)
      scalars['test/accuracy_polyak'] = averaged['accuracy']
    if num_skipped := self._on_test_set.num_skipped:
      scalars['data/skipped_test_images'] = float(num_skipped)
    return scalars, inputs

  def _mini_batches(self, step: int) -> int | None:
    """How many make the population statistics at a step; None for the usual number."""
    return (self._last_mini_batches or None) if step in self._last else None


class ExampleEvaluator:
  """Evaluates networks with fixed statistics on the examples of a feed.

  `num_skipped` images were left out by the last call or at opening, in all processes.
  """

  def __init__(
    self,
    experiment: Experiment,
    feed: Feed,
    examples: Any = None,
    check: Callable[[], None] = lambda: None,
    stop: int | None = None,
  ):
    """Prepares to evaluate.

    Args:
      feed: the training or the test half; its examples are not distorted.
      examples: the feed's, if they are on the devices already.
      check: called before each mini-batch; may raise, to stop.
      stop: the example to stop before; None for all.
    """
    devices = experiment.devices
    if examples is None:
      examples = parallel.replicate(feed.examples, devices)
    self.num_skipped = feed.num_skipped
    self._feed = feed
    self._examples, self._check, self._stop = examples, check, stop
    self._devices = devices
    size = experiment.config.evaluation_batch_size
    self._size = -(-size // len(devices)) * len(devices)
    self._forward = parallel.spread_examples(
      _forward(experiment.model, feed, experiment.feeds.num_classes), devices
    )

  def __call__(
    self, params: Any, batch_stats: Any, examples: Any = None
  ) -> tuple[dict[str, float], SigmoidInputs]:
    """Means over all examples that count, by name, and the inputs of the last sigmoids.

    The network is given as host arrays; `examples`, if given, takes the place of the
    feed's, and has as many. UserError where no example counts: means of nothing are not
    finite, and would pass for divergence.
    """
    batches = []
    network = parallel.on_one((params, batch_stats), self._devices)
    examples = self._examples if examples is None else examples
    for inputs in self._feed.inputs_in_order(self._size, stop=self._stop):
      self._check()
      batches.append(self._forward(network, examples, inputs))
    each = {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
    counts = each.pop('counts')  # gathered from all processes, as the rest
    number = len(self._feed.chosen(stop=self._stop))
    if not np.any(counts):
      raise UserError(
        f'none of the {number:,} examples can be read that accuracy is measured on; '
        'prepare the data set again'
      )
    self.num_skipped = self._feed.num_skipped + number - int(np.sum(counts))
    each = {name: values[counts] for name, values in each.items()}
    inputs = each.pop(SIGMOID_INPUTS, None)
    means = {name: float(np.mean(v, dtype=np.float64)) for name, v in each.items()}
    return means, inputs


def _forward(model: nn.Module, feed: Feed, num_classes: int) -> Callable:
  """((params, batch_stats), examples, inputs) -> what is measured of each example."""

  def forward(state, examples, inputs):
    params, batch_stats = state
    batch = feed.batch(examples, inputs, None)
    logits, sown = model.apply(
      {'params': params, 'batch_stats': batch_stats},
      batch.images, train=False, mutable=[SIGMOID_INPUTS],
    )  # fmt: skip
    # Where logits are not finite, `argmax` would name a class all the same.
    is_valid = jnp.all(jnp.isfinite(logits), axis=-1)
    measured = {
      'counts': batch.counts,
      'accuracy': is_valid & (jnp.argmax(logits, axis=-1) == batch.labels),
      'loss': optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels),
    }
    if num_classes > TOP and SIGMOID_INPUTS not in sown:
      measured['top_5_accuracy'] = is_valid & _is_among_top(logits, batch.labels)
    return measured | _last_sigmoid_inputs(sown)

  return forward


def _is_among_top(logits, labels):
  _, best = jax.lax.top_k(logits, TOP)
  return jnp.any(best == labels[:, None], axis=-1)


def _last_sigmoid_inputs(sown) -> dict[str, jax.Array]:
  layers = sigmoid_inputs(sown)
  return {SIGMOID_INPUTS: layers[-1]} if layers else {}

"""The step that training would take next, to look at what it changes.

On one device, whatever the run has. Does not know what is measured.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from bn_repro.data import sampler
from bn_repro.models import networks
from bn_repro.models.mlp import NOISE, SIGMOID_INPUTS, sigmoid_inputs
from bn_repro.training import optimizer, parallel
from bn_repro.training.experiment import Experiment
from bn_repro.training.step import TrainState, cross_entropy, noise_key


class Step(NamedTuple):
  """A step that has not been taken, while it is traced.

  Attributes:
    params: before it.
    update: what it adds to them.
    differentiate: (params, is_next=False) -> (loss, inputs of the sigmoids), gradient;
      on the mini-batch of the step, with its noise or that of the step after it.
  """

  params: Any
  update: Any
  differentiate: Callable


class NextStep:
  """Measures something about the next step of any state of training."""

  def __init__(self, experiment: Experiment, measure: Callable[[Step], Any]):
    """Compiles once.

    Args:
      experiment: of the run.
      measure: from a `Step` to a tree of arrays, by JAX alone.
    """
    config, self._feed = experiment.config, experiment.feeds.train
    self._examples = parallel.replicate(self._feed.examples, experiment.devices[:1])
    groups = parallel.normalization_groups(
      config.model.normalization_group, config.batch_size, num_devices=1
    )
    self._model = networks.build(config, experiment.feeds.num_classes, groups)
    self._transformation = optimizer.build(config, experiment.lengths)
    self._seed, self._measure = config.seed, measure
    self._compiled = jax.jit(self._traced)

  def __call__(self, state: TrainState) -> Any:
    """What is measured, as NumPy arrays."""
    step = int(state.step)
    inputs = self._feed.inputs(range(step, step + 1))
    only = jax.tree.map(lambda leaf: leaf[0], inputs)
    return jax.device_get(self._compiled(state, self._examples, only))

  def _traced(self, state: TrainState, examples, inputs) -> Any:
    batch = self._feed.batch(examples, inputs, sampler.TRAINING)
    gradient_of = jax.value_and_grad(self._loss, has_aux=True)

    def differentiate(params, is_next=False):
      return gradient_of(params, state.batch_stats, batch, state.step + int(is_next))

    _, gradient = differentiate(state.params)
    update, _ = self._transformation.update(
      gradient, state.optimizer_state, state.params
    )
    return self._measure(Step(state.params, update, differentiate))

  def _loss(self, params, batch_stats, batch, step) -> tuple[jax.Array, list]:
    """Mean cross-entropy in training, and the inputs of the sigmoids."""
    key = noise_key(self._seed, step)
    logits, updated = self._model.apply(
      {'params': params, 'batch_stats': batch_stats},
      batch.images, train=True, mutable=['batch_stats', SIGMOID_INPUTS],
      rngs={'dropout': key, NOISE: key},
    )  # fmt: skip
    return cross_entropy(logits, batch.labels), sigmoid_inputs(updated)

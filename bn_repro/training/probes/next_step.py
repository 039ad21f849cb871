"""The step that training would take next, to measure what it changes.

It is taken on one device, however many the run has, and in the same parts of a
mini-batch as in the run. Does not know what is measured.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from bn_repro.data import sampler
from bn_repro.models import networks
from bn_repro.training import optimizer, parallel
from bn_repro.training.experiment import Experiment, normalization_groups
from bn_repro.training.step import (
  OnDevices,
  TrainState,
  loss_and_sigmoid_inputs,
  with_dropout,
)


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
  """A probe of the network of section 4.1, on the mini-batch of the next step."""

  def __init__(
    self,
    experiment: Experiment,
    measure: Callable[[Step], dict[str, jax.Array]],
  ):
    """Compiles once; `measure` gives scalars by tag, by JAX alone."""
    config, feeds, devices = experiment.config, experiment.feeds, experiment.devices[:1]
    groups = normalization_groups(config, num_devices=1)
    self._experiment = experiment._replace(
      devices=devices, model=networks.build(config, feeds.num_classes, groups)
    )
    self._measure = measure
    stays = OnDevices(feeds.train.examples, experiment.hyperparameters)
    self._on_devices = parallel.replicate(stays, devices)
    self._compiled = jax.jit(self._traced)

  def __call__(self, state: TrainState, population: Any) -> dict[str, float]:
    """What is measured, of host arrays.

    `population` is not used: training normalizes with the mini-batch.
    """
    step = int(state.step)
    inputs = self._experiment.feeds.train.inputs(range(step, step + 1))
    only = jax.tree.map(lambda leaf: leaf[0], inputs)
    learning_rate = np.float32(self._experiment.learning_rates(step))
    values = self._compiled(state, self._on_devices, only, learning_rate)
    return {tag: float(value) for tag, value in jax.device_get(values).items()}

  def _traced(
    self, state: TrainState, on_devices: OnDevices, inputs, learning_rate
  ) -> dict[str, jax.Array]:
    experiment, (examples, hyperparameters) = self._experiment, on_devices
    distortion = hyperparameters.distortion(sampler.TRAINING)
    batch = experiment.feeds.train.batch(examples, inputs, distortion)
    model = with_dropout(experiment.model, hyperparameters)
    gradient_of = jax.value_and_grad(loss_and_sigmoid_inputs, has_aux=True)

    def differentiate(params, is_next=False):
      key = hyperparameters.noise_key(state.step + int(is_next))
      return gradient_of(params, state.batch_stats, model, batch, key, experiment.parts)

    _, gradient = differentiate(state.params)
    descent = optimizer.build(experiment.config, learning_rate, hyperparameters.l2)
    update, _ = descent.update(gradient, state.optimizer_state, state.params)
    return self._measure(Step(state.params, update, differentiate))

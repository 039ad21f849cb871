"""Claim 4: with batch normalization the scale of a layer's weights does not matter.

Section 3.3: BN(Wu) = BN((aW)u), so that neither the output of the layer nor the
gradient of its input changes, and the gradient of its weights is divided by a. This is
exact for epsilon = 0 only. Here the weights of one layer of a trained network are
multiplied by a, and everything is measured on one training mini-batch.
"""

import functools
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from bn_repro.analysis import subject
from bn_repro.analysis.subject import root_mean_square
from bn_repro.data import sampler
from bn_repro.data.feed import Batch
from bn_repro.data.feeds import open_feeds
from bn_repro.evaluate.network import Network
from bn_repro.models import networks
from bn_repro.training import experiment, hyperparameters
from bn_repro.training.step import loss_and_sigmoid_inputs

FACTORS = (0.01, 0.1, 1.0, 10.0, 100.0)
# The layer takes no 0. Added to a float32 variance above 1e-30, this changes no bit.
_NO_EPSILON = float(np.finfo(np.float32).tiny)


def measure(network: Network) -> dict[str, Any]:
  """What multiplying each hidden layer's weights by a factor changes.

  `rows` has for each epsilon (the network's and 0), layer and factor: how far the
  layer's sigmoid inputs move, as a root mean square in standard deviations; the norm of
  the gradient of its weights times the factor, and the norm of the gradient of the
  network's input, both relative to those at factor 1.
  """
  network = _as_trained(subject.mlp(network))
  # The first mini-batch of training.
  feed = open_feeds(network.config, jax.local_devices()[:1]).train
  inputs = jax.tree.map(lambda leaf: leaf[0], feed.inputs(range(1)))
  distortion = hyperparameters.of_run(network.config).distortion(sampler.TRAINING)
  batch = feed.batch(feed.examples, inputs, distortion)
  parts, rows = experiment.num_parts(network.config), []
  for epsilon, model in _models(network).items():
    run = jax.jit(functools.partial(_gradients, model, network.batch_stats, parts))
    for layer in range(1, len(network.config.model.hidden_sizes) + 1):
      measured = {
        factor: _measured(layer, *run(_scaled(network, layer, factor), batch))
        for factor in FACTORS
      }
      rows += [
        {'epsilon': epsilon, 'layer': layer, 'factor': factor,
         **_compared(measured[1.0], measured[factor], factor)}
        for factor in FACTORS
      ]  # fmt: skip
  return {'rows': rows}


def _as_trained(network: Network) -> Network:
  """Normalizes the groups of examples that the run does, on one device."""
  groups = experiment.normalization_groups(network.config, num_devices=1)
  model = networks.build(network.config, network.num_classes, groups)
  return network._replace(model=networks.without_noise(model))


def _models(network: Network) -> dict[float | None, nn.Module]:
  """By epsilon: the network as it is, and with epsilon = 0; None without BN."""
  model = network.model
  if model.batch_norm is None:
    return {None: model}
  exact = functools.partial(model.batch_norm, epsilon=_NO_EPSILON)
  return {network.config.model.epsilon: model, 0.0: model.clone(batch_norm=exact)}


def _scaled(network: Network, layer: int, factor: float) -> Any:
  name = f'hidden_{layer}'
  kernel = network.params[name]['kernel'] * np.float32(factor)
  return network.params | {name: network.params[name] | {'kernel': kernel}}


def _gradients(
  model: nn.Module, batch_stats: Any, parts: int, params: Any, batch: Batch
):
  """By parameters and images, of a loss in `parts`; then the inputs of all sigmoids."""

  def loss_of(params, images):
    changed, key = batch._replace(images=images), jax.random.key(0)
    return loss_and_sigmoid_inputs(params, batch_stats, model, changed, key, parts)

  return jax.grad(loss_of, argnums=(0, 1), has_aux=True)(params, batch.images)


def _measured(
  layer: int, gradients: tuple[Any, jax.Array], inputs: list[jax.Array]
) -> tuple[np.ndarray, float, float]:
  """The layer's sigmoid inputs; norms of the gradients of its weights and of images."""
  of_params, of_images = gradients
  of_weights = of_params[f'hidden_{layer}']['kernel']
  norm = lambda values: np.linalg.norm(np.asarray(values, np.float64))
  return np.asarray(inputs[layer - 1], np.float64), norm(of_weights), norm(of_images)


def _compared(one, other, factor: float) -> dict[str, float]:
  """What was measured at a factor, compared with factor 1."""
  (inputs, of_weights, of_images), (moved, *norms) = one, other
  return {
    'inputs_moved': root_mean_square((moved - inputs) / inputs.std(axis=0)),
    'gradient_of_weights_times_factor': float(factor * norms[0] / of_weights),
    'gradient_of_images': float(norms[1] / of_images),
  }

"""Claim 4: with batch normalization the scale of a layer's weights does not matter.

Section 3.3: BN(Wu) = BN((aW)u), so that neither the output of the layer nor the
gradient of its input changes, and the gradient of its weights shrinks as they grow, by
1/a. Here the weights of one layer of the trained network are multiplied by a, and
everything is measured on one training mini-batch. This is exact for epsilon = 0 only,
and wrong where the variance of Wu is not large compared with epsilon.
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
from bn_repro.evaluate.result import about
from bn_repro.models.mlp import SIGMOID_INPUTS, sigmoid_inputs
from bn_repro.paper.section_3_3_scale import factors_table
from bn_repro.run import provenance
from bn_repro.training import hyperparameters
from bn_repro.training.step import loss

FACTORS = (0.01, 0.1, 1.0, 10.0, 100.0)
# The layer takes no 0. Added to a float32 variance above 1e-30, this changes no bit.
_NO_EPSILON = float(np.finfo(np.float32).tiny)


def measure(network: Network) -> dict[str, Any]:
  """What multiplying each hidden layer's weights by a number changes, as JSON.

  `rows` has for each epsilon (the network's and 0), layer and factor: how far the
  layer's sigmoid inputs move, as a root mean square in standard deviations; the norm of
  the gradient of its weights times the factor, and the norm of the gradient of the
  network's input, both relative to those at factor 1. The network is that of section
  4.1, with batch normalization or without.
  """
  subject.check_is_mlp(network)
  network = subject.without_noise(network)
  devices = jax.local_devices()[:1]
  batch = _mini_batch(network, devices)
  rows = [
    row
    for model, epsilon in _models(network)
    for row in _rows(network, model, batch, epsilon)
  ]
  return {**about(network), 'rows': rows, **provenance.origin(devices)}


def _mini_batch(network: Network, devices: list[jax.Device]) -> Batch:
  """The first one of training."""
  feed = open_feeds(network.config, devices).train
  inputs = jax.tree.map(lambda leaf: leaf[0], feed.inputs(range(1)))
  distortion = hyperparameters.of_run(network.config).distortion(sampler.TRAINING)
  return feed.batch(feed.examples, inputs, distortion)


def _models(network: Network) -> list[tuple[nn.Module, float | None]]:
  """The network as it is, and with epsilon = 0; without BN there is no epsilon."""
  model = network.model
  if model.batch_norm is None:
    return [(model, None)]
  exact = model.clone(
    batch_norm=functools.partial(model.batch_norm, epsilon=_NO_EPSILON)
  )
  return [(model, network.config.model.epsilon), (exact, 0.0)]


def _rows(
  network: Network, model: nn.Module, batch: Batch, epsilon: float | None
) -> list[dict[str, Any]]:
  """Of every layer and factor, for one epsilon."""
  run = jax.jit(functools.partial(_gradients, model, network.batch_stats))
  rows = []
  for i in range(1, len(network.config.model.hidden_sizes) + 1):
    name = f'hidden_{i}'
    of_factor = {}
    for factor in FACTORS:
      layer = network.params[name] | {
        'kernel': network.params[name]['kernel'] * np.float32(factor)
      }
      gradients, inputs = run(network.params | {name: layer}, batch)
      of_factor[factor] = _measured(name, inputs[i - 1], *gradients)
    rows += [
      {'epsilon': epsilon, 'layer': i, 'factor': factor, **_compared(of_factor, factor)}
      for factor in FACTORS
    ]
  return rows


def _gradients(model: nn.Module, batch_stats: Any, params: Any, batch: Batch):
  """Of the loss by parameters and images, and the inputs of all sigmoids."""

  def loss_of(params, images):
    value, (_, sown) = loss(
      params,
      batch_stats,
      model,
      batch._replace(images=images),
      jax.random.key(0),
      SIGMOID_INPUTS,
    )
    return value, sigmoid_inputs(sown)

  return jax.grad(loss_of, argnums=(0, 1), has_aux=True)(params, batch.images)


def _measured(name: str, inputs, of_params, of_images) -> dict[str, Any]:
  kernel = np.asarray(of_params[name]['kernel'], np.float64)
  return {
    'inputs': np.asarray(inputs, np.float64),
    'of_weights': np.linalg.norm(kernel),
    'of_images': np.linalg.norm(np.asarray(of_images, np.float64)),
  }


def _compared(
  of_factor: dict[float, dict[str, Any]], factor: float
) -> dict[str, float]:
  """One factor, compared with factor 1."""
  one, other = of_factor[1.0], of_factor[factor]
  moved = (other['inputs'] - one['inputs']) / one['inputs'].std(axis=0)
  return {
    'inputs_moved': root_mean_square(moved),
    'gradient_of_weights_times_factor': float(
      factor * other['of_weights'] / one['of_weights']
    ),
    'gradient_of_images': float(other['of_images'] / one['of_images']),
  }


table = factors_table  # of the page, for the command line

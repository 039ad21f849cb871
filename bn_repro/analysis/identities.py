"""Claims 5, 6 and 7: identities of batch normalization, which hold up to rounding.

It can represent the identity (section 3); at inference it is one affine map, so that
predictions do not depend on batch-mates and it can be folded into the layer before it
(section 3.1); and a bias before it does nothing (section 3.2). Each is tried on the
weights of a trained network.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bn_repro.analysis import subject
from bn_repro.batch_norm.fold import fold
from bn_repro.data.feed import Batch
from bn_repro.evaluate.network import Network
from bn_repro.models.mlp import SIGMOID_INPUTS, sigmoid_inputs
from bn_repro.run.errors import UserError
from bn_repro.training.step import loss

IMAGES = 500


def measure(network: Network) -> dict[str, Any]:
  """The largest deviations.

  `rows` has the claim, its name and the largest deviation: of activations in their
  standard deviation, of the gradient of a bias relative to the largest of a beta.
  """
  network = subject.mlp(network)
  subject.check_is_normalized(network)
  if not {'gamma', 'beta'} <= {*network.params.get('batch_norm_1', ())}:
    raise UserError(
      f'{network.workdir} holds a network without gamma and beta; choose a run that '
      'has them'
    )
  batch = subject.examples(network, 'test', IMAGES)
  measured = (
    (5, 'identity', _identity), (6, 'batch_mates', _batch_mates),
    (6, 'folded', _folded), (7, 'bias', _bias),
  )  # fmt: skip
  rows = [
    {'claim': claim, 'name': name, 'deviation': deviation(network, batch)}
    for claim, name, deviation in measured
  ]
  return {'images': len(batch.labels), 'rows': rows}


def _identity(network: Network, batch: Batch) -> float:
  """With gamma and beta chosen for it, BN returns its input Wu."""
  _, sown = network.model.clone(batch_norm=None).apply(
    {'params': _with_biases(network)}, batch.images, train=False,
    mutable=[SIGMOID_INPUTS],
  )  # fmt: skip
  without = sigmoid_inputs(sown)
  epsilon = network.config.model.epsilon
  chosen = {
    f'batch_norm_{i}': {
      'gamma': jnp.sqrt(jnp.var(x, axis=0) + epsilon), 'beta': jnp.mean(x, axis=0)
    }
    for i, x in enumerate(without, start=1)
  }  # fmt: skip
  _, updated = network.model.apply(
    network.variables | {'params': network.params | chosen},
    batch.images, train=True, mutable=['batch_stats', SIGMOID_INPUTS],
  )  # fmt: skip
  return max(map(_off, sigmoid_inputs(updated), without))


def _batch_mates(network: Network, batch: Batch) -> float:
  predict = jax.jit(
    lambda images: network.model.apply(network.variables, images, train=False)
  )
  alone = jnp.concatenate([predict(image[None]) for image in batch.images])
  return _off(alone, predict(batch.images))


def _folded(network: Network, batch: Batch) -> float:
  model, params = fold(network.model, network.params, network.batch_stats)
  folded = model.apply({'params': params}, batch.images, train=False)
  whole = network.model.apply(network.variables, batch.images, train=False)
  return _off(folded, whole)


def _bias(network: Network, batch: Batch) -> float:
  """The gradient in training of biases that the network does not have."""
  gradient, _ = jax.grad(loss, has_aux=True)(
    network.params | _with_biases(network), network.batch_stats,
    network.model.clone(keeps_bias=True), batch, jax.random.key(0),
  )  # fmt: skip
  largest = lambda layers, part: max(
    float(np.abs(of[part]).max()) for name, of in gradient.items() if layers in name
  )
  return largest('hidden_', 'bias') / largest('batch_norm_', 'beta')


def _with_biases(network: Network) -> dict[str, Any]:
  """The parameters of its linear layers, with biases of 0 where it has none."""
  return {
    name: {'bias': np.zeros(layer['kernel'].shape[1], np.float32)} | layer
    for name, layer in network.params.items()
    if 'kernel' in layer
  }


def _off(values, expected) -> float:
  """The largest deviation, in standard deviations of what is expected."""
  values, expected = (np.asarray(x, np.float64) for x in (values, expected))
  return float(np.max(np.abs(values - expected)) / np.std(expected))

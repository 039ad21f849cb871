"""Claims 5, 6 and 7: what holds of batch normalization exactly, but for rounding.

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
from bn_repro.data.feeds import open_feeds
from bn_repro.evaluate.network import Network
from bn_repro.evaluate.result import about
from bn_repro.models.mlp import SIGMOID_INPUTS, sigmoid_inputs
from bn_repro.paper import section_3_identities
from bn_repro.run import provenance
from bn_repro.training.experiment import first_examples
from bn_repro.training.step import loss

IMAGES = 500


def measure(network: Network) -> dict[str, Any]:
  """The largest deviations, as a page of JSON.

  `rows` has the claim, its name and the largest deviation: of activations in their
  standard deviation, of the gradient of a bias relative to the largest of a beta. The
  network is that of section 4.1, with batch normalization, gamma and beta.
  """
  subject.check_is_mlp(network)
  subject.check_is_normalized(network)
  subject.check_has_gamma_and_beta(network)
  network = subject.without_noise(network)
  devices = jax.local_devices()[:1]
  batch = first_examples(open_feeds(network.config, devices).test, IMAGES, devices)
  measured = (
    (5, 'identity', _identity), (6, 'batch_mates', _batch_mates),
    (6, 'folded', _folded), (7, 'bias', _bias),
  )  # fmt: skip
  rows = [
    {'claim': claim, 'name': name, 'deviation': of(network, batch)}
    for claim, name, of in measured
  ]
  return {**about(network), 'images': len(batch.labels), 'rows': rows,
          **provenance.origin(devices)}  # fmt: skip


def _identity(network: Network, batch: Batch) -> float:
  """With gamma and beta chosen for it, BN returns its input Wu."""
  plain = network.model.clone(batch_norm=None)
  params = {
    name: {'bias': np.zeros(layer['kernel'].shape[1], np.float32)} | layer
    for name, layer in network.params.items()
    if 'kernel' in layer
  }
  _, sown = plain.apply(
    {'params': params}, batch.images, train=False, mutable=[SIGMOID_INPUTS]
  )
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
  model = network.model.clone(keeps_bias=True)
  biases = {
    name: layer | {'bias': np.zeros(layer['kernel'].shape[1], np.float32)}
    for name, layer in network.params.items()
    if name.startswith('hidden_')
  }
  params = network.params | biases
  gradient, _ = jax.grad(loss, has_aux=True)(
    params, network.batch_stats, model, batch, jax.random.key(0)
  )
  largest = lambda name, part: float(np.abs(gradient[name][part]).max())
  betas = [largest(name, 'beta') for name in gradient if name.startswith('batch_norm')]
  return max(largest(name, 'bias') for name in biases) / max(betas)


def _off(values, expected) -> float:
  """The largest deviation, in standard deviations of what is expected."""
  values, expected = (np.asarray(x, np.float64) for x in (values, expected))
  return float(np.max(np.abs(values - expected)) / np.std(expected))


table = section_3_identities.table  # of the page, for the command line

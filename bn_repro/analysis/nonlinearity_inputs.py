"""Sections 3.2 and 5, claim 29: are Wu + b Gaussian, and are they sparse?

The paper normalizes Wu + b, not u, because it "is more likely to have a symmetric,
non-sparse distribution, that is 'more Gaussian'" than u, the output of a nonlinearity;
and has "not observed the nonlinearity inputs to be sparse, neither with nor without
Batch Normalization". Both are measured at every nonlinearity of a trained network, at
inference, unit by unit (of a convolution: feature map by feature map).
"""

import functools
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from scipy import stats

from bn_repro.data.feeds import open_feeds
from bn_repro.evaluate.network import Network
from bn_repro.evaluate.result import about
from bn_repro.models.layers import NONLINEARITIES, Convolution
from bn_repro.models.mlp import SIGMOID_INPUTS, sigmoid_inputs
from bn_repro.paper.section_3_2_placement import shape_table
from bn_repro.run import provenance
from bn_repro.training.experiment import first_examples

IMAGES = 200
VALUES = 20_000  # of each unit at most
NEAR = 0.1  # of a standard deviation; a Gaussian around 0 has 8 % there


def measure(network: Network) -> dict[str, Any]:
  """The shape of the distribution before and after each nonlinearity, as JSON.

  `rows` has for each layer and `side` ('input' or 'output'), as medians over its
  units: the skewness, the excess kurtosis (of a Gaussian both are 0), the share of
  values within `NEAR` of 0, and the 1-Wasserstein distance from the Gaussian of the
  same mean, in standard deviations. The network is of either family, with batch
  normalization or without.
  """
  devices = jax.local_devices()[:1]
  batch = first_examples(open_feeds(network.config, devices).test, IMAGES, devices)
  nonlinearity = NONLINEARITIES[network.config.model.get('nonlinearity', 'sigmoid')]
  rows = []
  for layer, inputs in _inputs(network, batch.images).items():
    for side, values in (('input', inputs), ('output', nonlinearity(inputs))):
      rows.append({'layer': layer, 'side': side, **_shape_of(np.asarray(values))})
  return {**about(network), 'images': len(batch.labels), 'rows': rows,
          **provenance.origin(devices)}  # fmt: skip


def _inputs(
  network: Network, images: jax.Array
) -> dict[str, Float[jax.Array, 'values units']]:
  """Of each layer that has a nonlinearity."""
  is_input = lambda module, method: (
    isinstance(module, Convolution) and method == 'nonlinearity_input'
  )
  run = functools.partial(
    network.model.apply, train=False, capture_intermediates=is_input,
    mutable=['intermediates', SIGMOID_INPUTS],
  )  # fmt: skip
  _, sown = jax.jit(run)(network.variables, images)
  named = {f'hidden_{i}': x for i, x in enumerate(sigmoid_inputs(sown), start=1)}
  for path, leaf in jax.tree.leaves_with_path(sown.get('intermediates', {})):
    named['/'.join(part.key for part in path[:-2])] = leaf
  return {name: x.reshape(-1, x.shape[-1]) for name, x in named.items()}


def _shape_of(values: np.ndarray) -> dict[str, float]:
  """Medians over units that are not constant."""
  values = np.float64(values[:: -(-len(values) // VALUES)])
  std = values.std(axis=0)
  values, std = values[:, std > 0], std[std > 0]
  standard = (values - values.mean(axis=0)) / std
  return {
    'skewness': float(np.median(stats.skew(standard))),
    'excess_kurtosis': float(np.median(stats.kurtosis(standard))),
    'near_zero': float(np.median(np.mean(np.abs(values) < NEAR * std, axis=0))),
    'from_gaussian': float(np.median(_from_gaussian(standard))),
  }


def _from_gaussian(
  standard: Float[np.ndarray, 'values units'],
) -> Float[np.ndarray, ' units']:
  """The 1-Wasserstein distance of the values from N(0, 1)."""
  places = (np.arange(len(standard)) + 0.5) / len(standard)
  gaussian = stats.norm.ppf(places)[:, None]
  return np.mean(np.abs(np.sort(standard, axis=0) - gaussian), axis=0)


table = shape_table  # of the page, for the command line

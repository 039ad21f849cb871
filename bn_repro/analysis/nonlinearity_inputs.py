"""Sections 3.2 and 5, claim 29: are Wu + b Gaussian, and are they sparse?

The paper normalizes Wu + b because it "is more likely to have a symmetric, non-sparse
distribution, that is 'more Gaussian'" than u, the output of a nonlinearity; and it has
"not observed the nonlinearity inputs to be sparse, neither with nor without Batch
Normalization". Both are measured at every nonlinearity of a trained network, at
inference, for each unit or feature map.
"""

import functools
import math
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from scipy import stats

from bn_repro.analysis import subject
from bn_repro.evaluate.network import Network
from bn_repro.models.inception import Inception
from bn_repro.models.layers import NONLINEARITIES, Convolution
from bn_repro.models.mlp import SIGMOID_INPUTS, sigmoid_inputs

IMAGES = 200
VALUES = 20_000  # of each unit at most
NEAR = 0.1  # of a standard deviation; a Gaussian around 0 has 8 % there


def measure(network: Network) -> dict[str, Any]:
  """The shape of the distribution before and after each nonlinearity.

  `rows` has for each layer and `side` ('input' or 'output'), as medians over its
  units: the skewness, the excess kurtosis (of a Gaussian both are 0), the share of
  values within `NEAR` of 0, and the 1-Wasserstein distance from the Gaussian of the
  same mean, in standard deviations.
  """
  images = subject.examples(network, 'test', IMAGES).images
  nonlinearity = NONLINEARITIES[network.config.model.get('nonlinearity', 'sigmoid')]
  rows = []
  for layer, inputs in _inputs(network, images).items():
    for side, values in (('input', inputs), ('output', nonlinearity(inputs))):
      shape = _shape_of(np.asarray(values), len(values) // len(images))
      rows.append({'layer': layer, 'side': side, **shape})
  return {'images': len(images), 'rows': rows}


def _inputs(
  network: Network, images: jax.Array
) -> dict[str, Float[jax.Array, 'values units']]:
  """Of each layer that has a nonlinearity."""
  is_input = lambda module, method: (
    isinstance(module, Convolution) and method == 'nonlinearity_input'
  )
  model = network.model
  if isinstance(model, Inception):
    model = model.clone(is_joined=False)  # joined layers would not be captured
  run = functools.partial(
    model.apply, train=False, capture_intermediates=is_input,
    mutable=['intermediates', SIGMOID_INPUTS],
  )  # fmt: skip
  _, sown = jax.jit(run)(network.variables, images)
  named = {f'hidden_{i}': x for i, x in enumerate(sigmoid_inputs(sown), start=1)}
  for path, leaf in jax.tree.leaves_with_path(sown.get('intermediates', {})):
    named['/'.join(part.key for part in path[:-2])] = leaf
  return {name: x.reshape(-1, x.shape[-1]) for name, x in named.items()}


def _step(number: int, positions: int) -> int:
  """Which of `number` values are taken: those a step apart, at most `VALUES`.

  It shares no factor with the positions of a map, or some of its columns would never be
  taken: with 32 and a width of 56 seven of eight.
  """
  step = -(-number // VALUES)
  while math.gcd(step, positions) > 1:
    step += 1
  return step


def _shape_of(values: np.ndarray, positions: int = 1) -> dict[str, float]:
  """Medians over units that are not constant, of maps with so many positions."""
  values = np.float64(values[:: _step(len(values), positions)])
  std = values.std(axis=0)
  values, std = values[:, std > 0], std[std > 0]
  standard = (values - values.mean(axis=0)) / std
  places = (np.arange(len(standard)) + 0.5) / len(standard)
  from_gaussian = np.abs(np.sort(standard, axis=0) - stats.norm.ppf(places)[:, None])
  of_units = {
    'skewness': stats.skew(standard),
    'excess_kurtosis': stats.kurtosis(standard),
    'near_zero': np.mean(np.abs(values) < NEAR * std, axis=0),
    'from_gaussian': np.mean(from_gaussian, axis=0),
  }
  return {name: float(np.median(each)) for name, each in of_units.items()}

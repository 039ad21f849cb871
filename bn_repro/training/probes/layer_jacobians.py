"""Claim 28: do layers preserve the norms of changes of their inputs (section 3.3)?

The paper conjectures that batch normalization "may lead the layer Jacobians to have
singular values close to 1", of the map from the normalized inputs of one layer to those
of the next. Both ends are divided by their standard deviations here, with batch
normalization and without: what is compared is the shape of the map, not its unit.
"""

import itertools
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from bn_repro.batch_norm.fold import fold
from bn_repro.models.mlp import SIGMOID_INPUTS, sigmoid_inputs
from bn_repro.training.experiment import Experiment, first_examples
from bn_repro.training.step import TrainState

EXAMPLES = 1_000  # test images that standard deviations are taken over
JACOBIANS = 50  # of the first of them
PERCENTILES = (10, 50, 90)


class LayerJacobians:
  """A probe of the network of section 4.1."""

  def __init__(self, experiment: Experiment):
    """Takes the first test images, which stay the same."""
    self._model = experiment.model
    batch = first_examples(experiment.feeds.test, EXAMPLES, experiment.devices)
    self._images = jax.device_get(batch.images)

  def __call__(self, state: TrainState, population: Any) -> dict[str, float]:
    """Percentiles, over images and directions, of each layer's singular values.

    Such as {'jacobian/layer_2/percentile_50': 0.7, ...}; layer 2 is the map from the
    sigmoid inputs of the first hidden layer to those of the second.
    """
    # Folded, a layer is a matrix and a shift, with BN as without.
    model, params = fold(self._model, state.params, population)
    _, sown = model.apply(
      {'params': params}, self._images, train=False, mutable=[SIGMOID_INPUTS]
    )
    inputs = [np.asarray(layer, np.float64) for layer in sigmoid_inputs(sown)]
    measured = {}
    for i, (before, after) in enumerate(itertools.pairwise(inputs), start=2):
      values = singular_values(params[f'hidden_{i}']['kernel'], before, after)
      for percentile, value in zip(PERCENTILES, np.percentile(values, PERCENTILES)):
        measured[f'jacobian/layer_{i}/percentile_{percentile}'] = float(value)
    return measured


def singular_values(
  kernel: Float[np.ndarray, 'units next'],
  before: Float[np.ndarray, 'examples units'],
  after: Float[np.ndarray, 'examples next'],
) -> Float[np.ndarray, 'examples values']:
  """Of the Jacobians of z -> W g(z), both ends in standard deviations.

  Of the first `JACOBIANS` examples, in float64, largest first. `kernel` is W with
  whatever scale batch normalization adds, `before` and `after` are the sigmoid inputs
  of a layer and of the next. All are NaN where a unit of the next one is constant.
  """
  sigmoid = 1 / (1 + np.exp(-before[:JACOBIANS]))
  slopes = sigmoid * (1 - sigmoid) * before.std(axis=0)
  products = slopes[:, :, None] * np.asarray(kernel, np.float64)
  with np.errstate(divide='ignore', invalid='ignore'):
    matrices = products / after.std(axis=0)
  if not np.isfinite(matrices).all():  # of which LAPACK finds none
    return np.full((len(matrices), min(kernel.shape)), np.nan)
  return np.linalg.svd(matrices, compute_uv=False)

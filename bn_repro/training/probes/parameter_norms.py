"""How large the parameters of each hidden layer are: which of them runs away.

For section 2, where a bias grows that the normalization takes away again, and section
3.2, where it stays what it was.
"""

from typing import Any

import numpy as np

from bn_repro.training.experiment import Experiment
from bn_repro.training.step import TrainState


class ParameterNorms:
  """A probe of the network of section 4.1."""

  def __init__(self, experiment: Experiment):
    """Needs nothing of the experiment."""

  def __call__(self, state: TrainState, population: Any) -> dict[str, float]:
    """Euclidean norms.

    Args:
      state: of training, host arrays.
      population: not used.

    Returns:
      Such as {'parameter_norms/hidden_1/bias': 3.2, '.../kernel': 8.1, ...}, of layers
      that have them.
    """
    return {
      f'parameter_norms/{layer}/{name}': float(np.linalg.norm(np.float64(value)))
      for layer, own in state.params.items()
      if layer.startswith('hidden_')
      for name, value in own.items()
    }

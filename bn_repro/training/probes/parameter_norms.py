"""Norms of the parameters of each hidden layer, to see which of them grow.

For section 2, where a bias grows that the normalization subtracts again, and section
3.2, where it does not change.
"""

from typing import Any

import numpy as np

from bn_repro.training.step import TrainState


def parameter_norms(state: TrainState, population: Any) -> dict[str, float]:
  """Euclidean norms, such as {'parameter_norms/hidden_1/bias': 3.2}, of host arrays."""
  return {
    f'parameter_norms/{layer}/{name}': float(np.linalg.norm(np.float64(value)))
    for layer, own in state.params.items()
    if layer.startswith('hidden_')
    for name, value in own.items()
  }

"""What is measured of a network while it trains, beside its accuracy.

A config names its probes in `probes`; each is a class of a module here, which is given
the experiment once and the state of training at every evaluation.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from bn_repro.run.errors import UserError
from bn_repro.training.experiment import Experiment
from bn_repro.training.probes.covariate_shift import CovariateShift
from bn_repro.training.probes.landscape import Landscape
from bn_repro.training.probes.layer_jacobians import LayerJacobians
from bn_repro.training.probes.parameter_norms import ParameterNorms
from bn_repro.training.step import TrainState

PROBES: Mapping[str, Callable[[Experiment], Callable]] = {
  'covariate_shift': CovariateShift,
  'landscape': Landscape,
  'layer_jacobians': LayerJacobians,
  'parameter_norms': ParameterNorms,
}


class Probes:
  """The probes that a config names."""

  def __init__(self, experiment: Experiment):
    """Raises UserError if the config names some and there are several processes."""
    names = experiment.config.get('probes', ())
    if names and jax.process_count() > 1:
      raise UserError(
        f'config.probes={tuple(names)} need whole mini-batches, and each process has '
        'its share alone; run it with one process'
      )
    self._probes = [PROBES[name](experiment) for name in names]

  def __call__(self, state: TrainState, population: Any) -> dict[str, float]:
    """What they measure, by its TensorBoard tag.

    Args:
      state: of training, host arrays.
      population: the statistics of algorithm 2.
    """
    found = {}
    for probe in self._probes:
      found |= probe(state, population)
    return found

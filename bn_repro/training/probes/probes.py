"""What is measured of a network while it trains, besides its accuracy.

A config names its probes in `probes`. Each is made once of the experiment, and is then
called with every state that is evaluated and the statistics of algorithm 2.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
from ml_collections import ConfigDict

from bn_repro.batch_norm import fold
from bn_repro.models import networks
from bn_repro.run.errors import UserError
from bn_repro.training.experiment import Experiment, normalization_groups
from bn_repro.training.probes import covariate_shift, landscape
from bn_repro.training.probes.layer_jacobians import LayerJacobians
from bn_repro.training.probes.next_step import NextStep
from bn_repro.training.probes.parameter_norms import parameter_norms
from bn_repro.training.step import TrainState

Probe = Callable[[TrainState, Any], dict[str, float]]
_OF_NEXT_STEP = {
  'covariate_shift': functools.partial(NextStep, measure=covariate_shift.measure),
  'landscape': functools.partial(NextStep, measure=landscape.measure),
}
PROBES: Mapping[str, Callable[[Experiment], Probe]] = {
  **_OF_NEXT_STEP,
  'layer_jacobians': LayerJacobians,
  'parameter_norms': lambda experiment: parameter_norms,
}


def check(config: ConfigDict) -> None:
  """Raises UserError if a config names probes that cannot measure its network.

  None can with several processes.
  """
  names = config.get('probes', ())
  if names and jax.process_count() > 1:
    raise UserError(
      f'config.probes={tuple(names)} need whole mini-batches, and each process has '
      'its share alone; run it with one process'
    )
  if 'layer_jacobians' in names:
    fold.check(networks.build(config, num_classes=1))
  if _OF_NEXT_STEP.keys() & {*names}:
    # What devices hold of a mini-batch is a group of it on the one device of a probe.
    networks.build(config, 1, normalization_groups(config, num_devices=1))


class Probes:
  """The probes that a config names."""

  def __init__(self, experiment: Experiment):
    """Of one process: `check` refuses several, which lack the first device."""
    check(experiment.config)
    names = experiment.config.get('probes', ())
    self._probes = [PROBES[name](experiment) for name in names]

  def __call__(self, state: TrainState, population: Any) -> dict[str, float | None]:
    """What they measure, by its TensorBoard tag.

    None where that is not finite, such as a distance in standard deviations of a unit
    that is constant: this says nothing of whether training has diverged.
    """
    measured = {}
    for probe in self._probes:
      measured |= probe(state, population)
    return {tag: v if math.isfinite(v) else None for tag, v in measured.items()}

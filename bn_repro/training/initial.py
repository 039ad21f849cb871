"""What a run begins with: weights of its seed, or those of a published model."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from bn_repro.data import contents
from bn_repro.run import collectives, published
from bn_repro.run.errors import UserError
from bn_repro.training.experiment import Experiment
from bn_repro.training.step import TrainState, initial_state

LOGITS = 'logits'  # in the names of layers that tell classes apart


def begin(experiment: Experiment) -> TrainState:
  """The state at step 0, of `initial_state` or with `config.init_from`'s weights."""
  state = initial_state(experiment)
  origin = experiment.config.get('init_from')
  if not origin:
    return state
  weights = published.find(origin.model, '--init_from')
  variables = published.read(weights, origin.sha256)
  other_classes = _other_classes(weights, experiment)
  params = _taken(state.params, variables['params'], other_classes, origin.model)
  batch_stats = _taken(
    state.batch_stats, variables.get('batch_stats', {}), None, origin.model
  )
  if collectives.is_first_process():
    apart = f'; its logits are new, for {other_classes}' if other_classes else ''
    print(f'begins with the weights of {origin.model}{apart}')
  return state.replace(
    params=params,
    batch_stats=batch_stats,
    averaged=jax.tree.map(jnp.copy, params) if state.averaged else {},
  )


def _other_classes(weights, experiment: Experiment) -> str | None:
  """How the classes of a model differ from the run's, in words; None if they do not."""
  record = published.card_of(weights)['identity']
  if record is None:
    return 'what its classes are is not known'
  now = contents.of(experiment.config.dataset.name)
  return contents.first_other_class(record['data'], now)


def _taken(own: Any, of_model: Any, other_classes: str | None, model: str) -> Any:
  """The model's arrays in place of the run's, but for logits of `other_classes`."""
  own, of_model = (traverse_util.flatten_dict(t, sep='/') for t in (own, of_model))
  if other_classes:
    of_model |= {name: array for name, array in own.items() if LOGITS in name}
  shapes, of_other = ({n: np.shape(a) for n, a in t.items()} for t in (own, of_model))
  if shapes != of_other:
    name = sorted(n for n, _ in shapes.items() ^ of_other.items())[0]
    raise UserError(
      f'--init_from={model} is another network: its {name} has shape '
      f'{of_other.get(name, "none")}, and that of the run {shapes.get(name, "none")}; '
      'choose a model of this network, or the config of that one'
    )
  arrays = {name: jnp.asarray(of_model[name]) for name in own}
  return traverse_util.unflatten_dict(arrays, sep='/')

"""A trained network, as its workdir holds it. Only reads."""

from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from ml_collections import ConfigDict

from bn_repro.data import contents
from bn_repro.models import networks
from bn_repro.models.describe import input_of
from bn_repro.run import checkpoint, provenance
from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError
from bn_repro.training import identity, resume

# In a workdir, for what evaluation keeps.
FOLDER = 'evaluation'


class Network(NamedTuple):
  """A network at its newest checkpoint; normalizes with moving averages at first."""

  workdir: Path
  config: ConfigDict
  # Normalizes whole mini-batches together, which matters in training only.
  model: nn.Module
  step: int
  digest: str  # of everything in the checkpoint
  params: Any  # host arrays, as the next
  batch_stats: Any
  record: dict[str, Any] | None = None  # of `identity.read`

  @property
  def name(self) -> str:
    """Such as 'bn_x5, seed 0'."""
    return f'{self.config.network}, seed {self.config.seed}'

  @property
  def variables(self) -> dict[str, Any]:
    """What its model is applied to."""
    return {'params': self.params, 'batch_stats': self.batch_stats}

  @property
  def num_classes(self) -> int:
    """That it distinguishes."""
    return input_of(self.config)[1]


def restore(workdir: Path, workers: int | None = None) -> Network:
  """The network of a run, trained to its end or not.

  `workers` replaces `config.dataset.workers`, too many, perhaps, for this evaluation.
  """
  config = config_lib.stored(workdir)
  if workers is not None and 'workers' in config.dataset:
    config.dataset.workers = workers
  newest = checkpoint.read_newest(workdir)
  size, num_classes = input_of(config)
  model = networks.build(config, num_classes)
  arrays = _params_and_statistics(newest.arrays)
  shapes = jax.eval_shape(lambda: networks.initial_variables(model, 0, size))
  if not resume.have_same_shapes(arrays, _params_and_statistics(shapes)):
    raise UserError(
      f'checkpoint {newest.step} of {workdir} holds another network than the one that '
      'this code builds from its config; use the code that trained it'
    )
  digest = contents.fingerprint(checkpoint.digests(newest))
  record = identity.read(workdir)
  return Network(workdir, config, model, newest.step, digest, **arrays, record=record)


def dependencies(network: Network, dataset: str) -> dict[str, Any]:
  """What decides a network's numbers on a data set, as JSON."""
  return {
    'checkpoint': network.digest,
    'data': contents.fingerprint(contents.of(dataset)),
    **provenance.circumstances(jax.local_devices()),
  }


def _params_and_statistics(tree: Any) -> dict[str, Any]:
  """A network without batch normalization has no statistics."""
  return {name: tree.get(name, {}) for name in ('params', 'batch_stats')}

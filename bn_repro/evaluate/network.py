"""A trained network, as its workdir holds it. Only reads."""

import hashlib
import json
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
  """A network at its newest checkpoint.

  Attributes:
    workdir: of the run.
    config: of the run.
    model: built from it; whole mini-batches are normalized together, which matters
      in training only.
    step: of the checkpoint.
    digest: of everything in the checkpoint.
    params, batch_stats: host arrays; the latter are the moving averages.
    record: what it was trained on and with, as `identity.read`.
  """

  workdir: Path
  config: ConfigDict
  model: nn.Module
  step: int
  digest: str
  params: Any
  batch_stats: Any
  record: dict[str, Any] | None = None

  @property
  def name(self) -> str:
    """Such as 'bn_x5, seed 0'."""
    return f'{self.config.network}, seed {self.config.seed}'

  @property
  def variables(self) -> dict[str, Any]:
    """What its model is applied to; normalized with the moving averages."""
    return {'params': self.params, 'batch_stats': self.batch_stats}

  @property
  def num_classes(self) -> int:
    """That it distinguishes."""
    return input_of(self.config)[1]


def restore(workdir: Path, workers: int | None = None) -> Network:
  """The network of a run, trained to its end or not.

  `workers` takes the place of `config.dataset.workers`, which may be too many for
  this evaluation.
  """
  config = config_lib.stored(workdir)
  if workers is not None and 'workers' in config.dataset:
    config.dataset.workers = workers
  newest = checkpoint.read_newest(workdir)
  size, num_classes = input_of(config)
  model = networks.build(config, num_classes)
  arrays = _of_network(newest.arrays)
  shapes = jax.eval_shape(lambda: networks.initial_variables(model, 0, size))
  if not resume.have_same_shapes(arrays, _of_network(shapes)):
    raise UserError(
      f'checkpoint {newest.step} of {workdir} holds another network than the one that '
      'this code builds from its config; use the code that trained it'
    )
  digest = _digest_of(checkpoint.digests(newest))
  record = identity.read(workdir)
  return Network(workdir, config, model, newest.step, digest, **arrays, record=record)


def dependencies(network: Network, dataset: str) -> dict[str, Any]:
  """What decides a network's numbers on a data set, as JSON."""
  return {
    'checkpoint': network.digest,
    'data': contents.fingerprint(contents.of(dataset)),
    **provenance.circumstances(jax.local_devices()),
  }


def _of_network(tree: Any) -> dict[str, Any]:
  """Parameters and statistics, of which a network without BN has none."""
  return {name: tree.get(name, {}) for name in ('params', 'batch_stats')}


def _digest_of(value: Any) -> str:
  text = json.dumps(value, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()

"""A trained network, as its workdir or a published model holds it. Only reads."""

import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from ml_collections import ConfigDict

from bn_repro.data import contents
from bn_repro.evaluate.request import AVERAGED, PLAIN
from bn_repro.models import networks
from bn_repro.models.describe import input_of
from bn_repro.run import checkpoint, errors, files, places, provenance, published
from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError
from bn_repro.training import identity, resume

# In a workdir, for what evaluation keeps.
FOLDER = 'evaluation'


class Network(NamedTuple):
  """A network at its newest checkpoint; normalizes with moving averages at first.

  Or a published one, which normalizes with population statistics, averaged over
  `population_batches`; its `workdir` is a folder for what evaluation keeps.
  """

  workdir: Path
  config: ConfigDict
  # Normalizes whole mini-batches together, which matters in training only.
  model: nn.Module
  step: int
  digest: str  # of everything in the checkpoint
  params: Any  # host arrays, as the next
  batch_stats: Any
  record: dict[str, Any] | None = None  # of `identity.read`
  population_batches: int | None = None
  weights: str = PLAIN  # or AVERAGED, which `params` then are
  has_average: bool = False  # whether the checkpoint has averaged weights, too

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


def restore(workdir: Path, workers: int | None = None, weights: str = PLAIN) -> Network:
  """The network of a run, trained to its end or not.

  Args:
    workers: in place of `config.dataset.workers`, which may be too many now.
    weights: one of `request.WEIGHTS`. The averaged ones are another network, whose
      digest is another; its `batch_stats` are still those of the plain ones.
  """
  config = config_lib.stored(workdir)
  newest = checkpoint.read_newest(workdir)
  arrays = _params_and_statistics(newest.arrays)
  digest = files.digest(checkpoint.digests(newest))
  averaged = newest.arrays.get('averaged')
  if weights == AVERAGED:
    if not averaged:
      raise UserError(f'{workdir} keeps no average of its weights; use --weights=plain')
    arrays['params'], digest = averaged, files.digest([digest, AVERAGED])
  model = _built(config, workers, arrays, f'checkpoint {newest.step} of {workdir}')
  return Network(
    workdir, config, model, newest.step, digest, **arrays,
    record=identity.read(workdir), weights=weights, has_average=bool(averaged),
  )  # fmt: skip


def restore_named(
  workdir: Path, weights: str | None, workers: int | None = None
) -> Network:
  """As `restore`; with None the plain weights, and a notice if there are others."""
  network = restore(workdir, workers, weights or PLAIN)
  if weights is None and network.has_average:
    text = f'{workdir}: its plain weights; --weights={AVERAGED} takes their average'
    print(errors.line(text), file=sys.stderr)
  return network


def restore_model(
  text: str, workers: int | None = None, weights: str | None = None
) -> Network:
  """A published model, by name or path; UserError if it has other `weights`."""
  path = published.find(text, '--model')
  card = published.card_of(path)
  if weights not in (None, card['weights']):
    raise UserError(f'{path} has {card["weights"]} weights alone; leave --weights out')
  config, digest = config_lib.of_json(card['config']), card['weights_sha256']
  arrays = _params_and_statistics(published.read(path, digest))
  model = _built(config, workers, arrays, str(path))
  return Network(
    kept_for(path.stem), config, model, card['step'], digest, **arrays,
    record=card['identity'], population_batches=card['population_batches'],
    weights=card['weights'],
  )  # fmt: skip


def kept_for(name: str) -> Path:
  """The folder for what evaluation keeps of a published model."""
  cache = places.cache() or Path(tempfile.mkdtemp())
  return cache / 'models' / name


def _built(
  config: ConfigDict, workers: int | None, arrays: dict[str, Any], source: str
) -> nn.Module:
  """The network of a config, which must have arrays of these shapes."""
  if workers is not None and 'workers' in config.dataset:
    config.dataset.workers = workers
  size, num_classes = input_of(config)
  model = networks.build(config, num_classes)
  shapes = jax.eval_shape(lambda: networks.initial_variables(model, 0, size))
  if not resume.have_same_shapes(arrays, _params_and_statistics(shapes)):
    raise UserError(
      f'{source} holds another network than the one that this code builds from its '
      'config; use the code that trained it'
    )
  return model


def dependencies(network: Network, *datasets: str) -> dict[str, Any]:
  """What decides a network's numbers that come from these data sets, as JSON."""
  return {
    'checkpoint': network.digest,
    'data': [files.digest(contents.of(name)) for name in dict.fromkeys(datasets)],
    **provenance.circumstances(jax.local_devices()),
  }


def _params_and_statistics(tree: Any) -> dict[str, Any]:
  """A network without batch normalization has no statistics."""
  return {name: tree.get(name, {}) for name in ('params', 'batch_stats')}

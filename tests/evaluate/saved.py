"""Runs that were not trained: random weights, saved as a run saves its own."""

import functools
import json
import zipfile
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from bn_repro.models import networks
from bn_repro.models.describe import input_of
from bn_repro.run import config as config_lib
from bn_repro.run.checkpoint import Checkpoint, Checkpoints

OF_ROWS = Path(__file__).with_name('of_rows.py')


def save_run(config: ConfigDict, workdir: Path, step: int = 7) -> Path:
  """A workdir with a checkpoint of the network, whose weights the seed decides."""
  size, num_classes = input_of(config)
  model = networks.build(config, num_classes)
  workdir.mkdir()
  config_lib.store(config, workdir, [])
  with Checkpoints(workdir) as checkpoints:
    variables = random_variables(model, size, config.seed)
    checkpoints.save(Checkpoint(step, variables, {}))
  return workdir


def card_in(path: Path) -> dict[str, Any]:
  """The card of an exported file, read as --help says."""
  return json.loads(zipfile.ZipFile(path).read('model.json'))


def random_variables(model: nn.Module, size: tuple[int, ...], seed: int) -> dict:
  """Parameters and statistics, as host arrays; to initialize them is to compile."""
  example = jax.ShapeDtypeStruct((1, *size), jnp.float32)
  initialize = functools.partial(model.init, train=False)
  shapes = {'batch_stats': {}} | jax.eval_shape(initialize, jax.random.key(0), example)
  values = functools.partial(_values, np.random.default_rng(seed))
  return {
    name: jax.tree.map_with_path(values, shapes[name])
    for name in ('params', 'batch_stats')
  }


def _values(generator, path, leaf) -> np.ndarray:
  """Weights as large as He's; variances and scales near 1, the rest near 0."""
  name = path[-1].key
  fan_in = np.prod(leaf.shape[:-1]) if name == 'kernel' else 50
  values = generator.normal(0, np.sqrt(2 / fan_in), leaf.shape)
  if name in ('gamma', 'var'):
    values = np.exp(values)
  return values.astype(leaf.dtype)

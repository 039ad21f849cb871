"""The statistics that a trained network is evaluated with.

Those of algorithm 2 cost as much as some steps of training. They are kept in the
workdir, and read from there while the checkpoint, the data set, the code and the number
of mini-batches are the same.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import traverse_util
from tqdm import tqdm

from bn_repro.evaluate.network import FOLDER, Network, dependencies
from bn_repro.evaluate.request import (
  AVERAGED,
  MOVING_AVERAGE,
  POPULATION,
  Request,
  check_together,
)
from bn_repro.run import damage
from bn_repro.run.errors import UserError
from bn_repro.run.files import replaced
from bn_repro.training.experiment import on_one_device
from bn_repro.training.population import PopulationStatistics

NAME = 'population_statistics.npz'
_OF_AVERAGED = 'population_statistics_averaged.npz'
_IDENTITY = 'identity'  # among the arrays, whose names have a slash


def of_network(network: Network, request: Request, check: Callable[[], None]) -> Any:
  """The requested `batch_stats`; those of algorithm 2 need the training set.

  `check` is called before each mini-batch; it may raise, to stop.
  """
  has_population = network.population_batches is not None
  if request.statistics == MOVING_AVERAGE and has_population:
    raise UserError(
      f'{network.name} is published with population statistics alone; use '
      f'--statistics={POPULATION}'
    )
  if not network.batch_stats:
    return network.batch_stats
  check_together(request.statistics, network.weights)
  if not need_training_set(network, request):
    return network.batch_stats
  name = _OF_AVERAGED if network.weights == AVERAGED else NAME
  path = network.workdir / FOLDER / name
  identity = _identity(network, request.population_batches)
  statistics = _read(path, identity)
  if statistics is None:
    statistics = jax.device_get(computed(network, request.population_batches, check))
    _write(path, statistics, identity)
  return statistics


def need_training_set(network: Network, request: Request) -> bool:
  """Whether the requested ones are of algorithm 2, and not given with the network."""
  is_given = network.population_batches == request.population_batches
  return bool(network.batch_stats) and request.statistics == POPULATION and not is_given


def computed(network: Network, mini_batches: int, check: Callable[[], None]) -> Any:
  """Algorithm 2 on one device, whatever the network was trained on."""
  # All mini-batches are read below, once: with 1, few are kept here for another pass.
  built = on_one_device(network.config, population_batches=1)

  def check_and_show():
    check()
    bar.update()

  with tqdm(total=mini_batches, desc='population statistics', leave=False) as bar:
    statistics = PopulationStatistics(built, check=check_and_show)
    return statistics(network.params, network.batch_stats, mini_batches=mini_batches)


def _identity(network: Network, mini_batches: int) -> str:
  """What population statistics depend on."""
  return json.dumps(
    {
      'population_batches': mini_batches,
      **dependencies(network, network.config.dataset.name),
    }
  )


def _read(path: Path, identity: str) -> Any:
  """The kept ones; None if there are none, or of another network, or damaged."""
  try:
    data = path.read_bytes()
  except FileNotFoundError:
    return None
  except OSError as error:
    raise damage.could_not_be_read(path, error) from error
  try:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
      if file.testzip():
        return None
    arrays = dict(np.load(io.BytesIO(data), allow_pickle=False))
  except (MemoryError, ImportError):
    raise
  except Exception:  # a form of many kinds; no disk is read any more
    return None
  if str(arrays.pop(_IDENTITY, '')) != identity:
    return None
  return traverse_util.unflatten_dict(arrays, sep='/')


def _write(path: Path, statistics: Any, identity: str) -> None:
  arrays = traverse_util.flatten_dict(statistics, sep='/')
  path.parent.mkdir(exist_ok=True)
  with replaced(path) as file:
    np.savez(file, **arrays, **{_IDENTITY: np.asarray(identity)})

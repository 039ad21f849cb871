"""One evaluation: some runs on one data set, printed and written.

Predictions are kept in each workdir; this module writes the scores and their origin.
"""

import copy
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bn_repro.data.feed import Feed
from bn_repro.data.feeds import open_test_feed
from bn_repro.evaluate import statistics, trained_on
from bn_repro.evaluate.crops import Predictor
from bn_repro.evaluate.network import (
  FOLDER,
  Network,
  dependencies,
  restore_model,
  restore_named,
)
from bn_repro.evaluate.predictions import PredictionFile
from bn_repro.evaluate.request import AVERAGED, Request
from bn_repro.evaluate.result import result_of, table
from bn_repro.models import describe
from bn_repro.run import fields, lock, places, settings
from bn_repro.run.config import write_json
from bn_repro.run.errors import UserError, shown
from bn_repro.run.progress import progress_bar
from bn_repro.run.signals import Interruption


@settings.fixed()
def evaluate(
  workdirs: list[Path],
  request: Request,
  output: Path | None = None,
  workers: int | None = None,
  models: Sequence[str] = (),
) -> dict[str, Any]:
  """Evaluates runs, and all of them together, prints a table and writes the scores.

  Args:
    workdirs: of the runs, all different.
    output: gets the scores, which are also returned; None for a file beside the first
      run's predictions.
    workers: as `restore` takes them.
    models: published ones, as `restore_model` takes them, which follow the runs.

  Raises:
    Preempted: a signal came; the predictions so far are kept.
  """
  if output:
    places.output(str(output), '--output')
  weights = request.weights
  networks = [restore_named(workdir, weights, workers) for workdir in workdirs]
  networks += [restore_model(model, workers, weights) for model in models]
  name = _common_dataset(networks, request)
  reads_training_set = any(
    statistics.need_training_set(network, request) for network in networks
  )
  differing = trained_on.differences(networks, name, reads_training_set)
  with Interruption() as interruption:
    files = [predict(network, request, interruption.check) for network in networks]
  _check_same_examples([file.read() for file in files], name)
  result = result_of(networks, files, request, name, differing)
  output = output or _default_output(networks, request, name)
  write_json(output, result)
  print(f'{table(result)}\nwritten: {output}')
  return result


def _default_output(networks: list[Network], request: Request, dataset: str) -> Path:
  name = _file_name(request, dataset)
  if len(networks) > 1:  # such as 'ensemble_of_2_1f0a9c3e_', for these members alone
    workdirs = '\n'.join(str(network.workdir.absolute()) for network in networks)
    digest = hashlib.sha256(workdirs.encode()).hexdigest()[:8]
    name = f'ensemble_of_{len(networks)}_{digest}_{name}'
  return networks[0].workdir / FOLDER / f'{name}.json'


def _common_dataset(networks: list[Network], request: Request) -> str:
  first = networks[0]
  for other in networks[1:]:
    names = [network.config.dataset.name for network in (first, other)]
    if len(set(names)) > 1 or other.num_classes != first.num_classes:
      raise UserError(
        f'{first.workdir} was trained on {names[0]} ({first.num_classes} classes) and '
        f'{other.workdir} on {names[1]} ({other.num_classes} classes); only runs on '
        'one data set make an ensemble'
      )
  # An empty name is none that was not given.
  name = first.config.dataset.name if request.dataset is None else request.dataset
  field = fields.of_network(first.config.model.name)['dataset.name']
  if not field.holds(name):
    raise UserError(f'--dataset={shown(name)}: choose {field.allowed}')
  return name


def predict(
  network: Network, request: Request, check: Callable[[], None] = lambda: None
) -> PredictionFile:
  """The file of a network's predictions, completed if need be; `check` may stop it."""
  dataset = request.dataset or network.config.dataset.name
  datasets = [dataset]
  # It may be another set, which is prepared anew while the first stays.
  if statistics.need_training_set(network, request):
    datasets.append(network.config.dataset.name)
  path = network.workdir / FOLDER / _file_name(request, dataset)
  with lock.held(path.parent):
    # The digest of the checkpoint says which weights these are.
    of_request = request._replace(weights=None)._asdict()
    identity = {**dependencies(network, *datasets), **of_request}
    file = PredictionFile(path, identity, network.num_classes)
    if not file.is_complete:
      _complete(file, network, request, check)
    file.read()  # before another process may begin it anew
  return file


def _file_name(request: Request, dataset: str) -> str:
  """Such as 'imagenette_160_144_crops_population', or that and '_averaged'."""
  crops = '1_crop' if request.crops == 1 else f'{request.crops}_crops'
  examples = [f'first_{request.examples}'] if request.examples else []
  weights = [AVERAGED] if request.weights == AVERAGED else []
  parts = [dataset.replace('/', '_'), *examples, crops, request.statistics, *weights]
  return '_'.join(parts)


def _complete(
  file: PredictionFile, network: Network, request: Request, check: Callable[[], None]
) -> None:
  batch_stats = statistics.of_network(network, request, check)
  network = network._replace(batch_stats=batch_stats)
  devices = jax.local_devices()
  feed = _open(network, request, devices)
  start, stop = file.index.number, feed.num_kept_among(request.examples)
  predictor = Predictor(network, feed, devices, check)
  with progress_bar(stop, 'example', network.name, initial=start, leave=False) as bar:
    began = time.perf_counter()
    for predictions in predictor.predictions(request.crops, start, stop):
      seconds, began = time.perf_counter() - began, time.perf_counter()
      file.append(predictions, seconds)
      bar.update(len(predictions.labels))
  file.complete(feed.num_skipped_among(request.examples))


def _open(network: Network, request: Request, devices: list[jax.Device]) -> Feed:
  """The examples to predict, if there are some for every device."""
  config = copy.deepcopy(network.config)
  if request.dataset:
    config.dataset.name = request.dataset
    if 'feed' in config.dataset:
      config.dataset.feed = 'auto'  # its images may have all sizes
  if describe.input_of(config) != describe.input_of(network.config):
    raise UserError(
      f'images of {config.dataset.name} have another size than those that '
      f'{network.workdir} was trained on; choose another --dataset'
    )
  feed = open_test_feed(config, devices)
  number = feed.num_kept_among(request.examples)
  if number < len(devices):
    raise UserError(
      f'{number} example(s) of {config.dataset.name} are fewer than the '
      f'{len(devices)} devices; take more of them'
    )
  return feed


def _check_same_examples(rows: list[np.ndarray], dataset: str) -> None:
  if not rows[0]['counts'].any():
    raise UserError(
      f'none of the {len(rows[0]):,} examples can be read; take more of them'
    )
  for other in rows[1:]:
    if not np.array_equal(rows[0]['labels'], other['labels']):
      raise UserError(
        'the runs leave out different examples, as config.dataset.feed differs; give '
        f'--dataset={dataset}, which reads it alike for all'
      )

"""The result of an evaluation: scores, as JSON and as a table."""

from typing import Any

import jax
import numpy as np

from bn_repro.evaluate import scores
from bn_repro.evaluate.network import Network
from bn_repro.evaluate.predictions import PredictionFile
from bn_repro.evaluate.request import POPULATION, Request
from bn_repro.models import describe
from bn_repro.report.tables import markdown, share
from bn_repro.run import provenance


def result_of(
  networks: list[Network],
  files: list[PredictionFile],
  request: Request,
  dataset: str,
  differing: list[list[str] | None],
) -> dict[str, Any]:
  """Scores and their origin, as written; `differing` is of `trained_on.differences`."""
  num_classes, rows = networks[0].num_classes, [file.read() for file in files]
  summary = lambda members: scores.summarize(scores.score(members), num_classes)
  page = {
    'dataset': dataset,
    'crops': request.crops,
    # An image that could not be read has a row of one black crop.
    'different_crops': float(np.mean(rows[0]['crops'][rows[0]['counts']])),
    **_statistics(networks, request),
    'examples_left_out': max(file.index.left_out for file in files),
    'members': [
      about(network)
      | {'weights': network.weights, 'differs_from_training': differs}
      | {'seconds': file.index.seconds, 'examples_left_out': file.index.left_out}
      | summary([own])
      for network, file, own, differs in zip(networks, files, rows, differing)
    ],
  }
  if len(rows) > 1:
    page['ensemble'] = summary(rows)
    page['by_number_of_members'] = scores.by_number_of_members(rows)
  return page | provenance.origin(jax.local_devices())


def _statistics(networks: list[Network], request: Request) -> dict[str, Any]:
  """Which statistics were used; null where no network has any, or no number."""
  has_any = any(network.batch_stats for network in networks)
  is_population = has_any and request.statistics == POPULATION
  return {
    'statistics': request.statistics if has_any else None,
    'population_batches': request.population_batches if is_population else None,
  }


def about(network: Network) -> dict[str, Any]:
  """Which network it is, as JSON."""
  config = network.config
  return {
    'workdir': network.workdir.absolute().name,
    'network': config.network,
    'seed': config.seed,
    'step': network.step,
    'train_for': config.train_for,
    'checkpoint': network.digest,
    'size': describe.input_of(config)[0][0],
  }


def table(page: dict[str, Any]) -> str:
  """The scores as text, a row for each member and one for all."""
  examples = page['members'][0]['examples']
  crops = f'{page["crops"]} crop(s) of each'
  if page['crops'] > 1:
    crops += f', of which {page["different_crops"]:.4g} differ'
  head = f'{page["dataset"]}: {examples:,} examples, {crops}'
  if page['statistics']:
    head += f'; statistics: {page["statistics"]}'
  weights = dict.fromkeys(row['weights'] for row in page['members'])
  head += f'; weights: {" and ".join(weights)}'
  named = [
    (f'{row["network"]}, seed {row["seed"]}', f'{row["step"]:,}', row)
    for row in page['members']
  ]
  if 'ensemble' in page:
    named.append((f'ensemble of {len(named)}', '', page['ensemble']))
  columns = [column for column in ('top_1', 'top_5') if column in named[0][-1]]
  cell = lambda score: share(score['accuracy'], score['low'], score['high'])
  rows = [
    (name, step, *(cell(row[column]) for column in columns))
    for name, step, row in named
  ]
  titles = [column.replace('_', '-') for column in columns]
  return f'{head}\n\n{markdown(("network", "step", *titles), rows)}\n'

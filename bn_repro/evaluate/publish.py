"""From a finished run to a published model: weights, statistics and a card."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

import bn_repro
from bn_repro.evaluate import scores, statistics, trained_on
from bn_repro.evaluate.evaluation import predict
from bn_repro.evaluate.network import Network, kept_for, restore
from bn_repro.evaluate.request import AVERAGED, PLAIN, Request
from bn_repro.models.describe import input_of
from bn_repro.report import collect, intervals
from bn_repro.report.tables import share
from bn_repro.run import config as config_lib
from bn_repro.run import (
  config_files,
  fields,
  files,
  provenance,
  published,
  settings,
)
from bn_repro.run import summary as summary_lib
from bn_repro.run.errors import UserError
from bn_repro.run.signals import Interruption

ACCURACY = 'final_test_accuracy'
AVERAGED_ACCURACY = 'final_test_accuracy_polyak'
LICENCE = 'Apache-2.0'
# Fields of a config that no accuracy depends on.
_WHERE = ('num_devices', 'partner_timeout', 'dataset.workers')


@settings.fixed()
def publish(workdir: Path, output: Path) -> dict[str, Any]:
  """Writes the network of a finished run and its card, which is returned.

  A run that keeps a Polyak average of its weights is published with it, as the reports
  print its accuracy.
  """
  summary = summary_lib.read(workdir)
  if summary is None:
    raise UserError(
      f'{workdir} holds no finished run; give the command that trains it again, which '
      'goes on to its end'
    )
  if summary['diverged']:
    raise UserError(f'the run in {workdir} diverged; choose another')
  network = _of_the_printed_number(workdir)
  if network.step != summary['last_step']:
    raise UserError(
      f'the newest checkpoint of {workdir} is of step {network.step:,}, and the run '
      f'ended at step {summary["last_step"]:,}; put that checkpoint back'
    )
  with Interruption() as interruption:
    network = _with_statistics(network, interruption.check)
    data = published.packed(network.variables)
    network = network._replace(
      workdir=kept_for(output.stem), digest=hashlib.sha256(data).hexdigest()
    )
    rows = predict(network, Request(), interruption.check).read()
  card = card_of(network, summary, rows)
  published.write(output, data, card)
  top = card['accuracy']['top_1']
  print(
    f'{network.name}, step {network.step:,}, {network.weights} weights: '
    f'{share(top["accuracy"], top["low"], top["high"])} of {len(rows):,} examples\n'
    f'written: {output} ({len(data):,} bytes) and {output.stem}.json'
  )
  return card


def _of_the_printed_number(workdir: Path) -> Network:
  """The network with the weights that the reports evaluate."""
  has_average = config_lib.stored(workdir).get('polyak_decay')
  return restore(workdir, weights=AVERAGED if has_average else PLAIN)


def _with_statistics(network: Network, check) -> Network:
  trained_on.differences([network], network.config.dataset.name, True)
  if not network.batch_stats:
    return network
  number = Request().population_batches
  batch_stats = statistics.computed(network, number, check)
  return network._replace(batch_stats=batch_stats, population_batches=number)


def card_of(
  network: Network, summary: dict[str, Any], rows: np.ndarray
) -> dict[str, Any]:
  """What `published.write` puts beside the weights, as JSON.

  `summary` is that of the run, `rows` are the predictions for the test set,
  `[examples]` with the fields of `Predictions`, one crop each.
  """
  accuracy = AVERAGED_ACCURACY if network.weights == AVERAGED else ACCURACY
  config, (size, num_classes) = network.config, input_of(network.config)
  return {
    'network': config.network,
    'seed': config.seed,
    'licence': LICENCE,
    'step': network.step,
    'weights': network.weights,
    'parameters': summary['parameters'],
    'population_batches': network.population_batches,
    'accuracy': {'crops': 1}
    | scores.summarize(scores.score([rows]), num_classes),
    'accuracy_in_training': summary[accuracy],
    'in_results': in_results(config, accuracy),
    'input': {
      'shape': ['batch', *size], 'dtype': 'float32', 'values': values_of(config, size),
    },
    'output': {'shape': ['batch', num_classes], 'dtype': 'float32', 'is': 'logits'},
    'git_revision': summary['git_revision'],
    'device': summary['device'],
    'versions': summary['versions'],
    'published_by': {
      'bn_repro': bn_repro.__version__, 'git_revision': provenance.git_revision(),
    },
    'identity': network.record,
    'config': config.to_dict(),
  }  # fmt: skip


def values_of(config: ConfigDict, size: tuple[int, ...]) -> str:
  """What the inputs of a network are, in words; `size` is that of one image."""
  if config.model.name == 'inception':
    return 'RGB from -1 to 1'
  kind = 'RGB' if len(size) == 3 else 'grey'
  if config.dataset.pixels == 'grey':
    return f'{kind} from 0 to 1'
  return f'1 where {kind}, from 0 to 1, is above {config.dataset.threshold}, else 0'


def in_results(config: ConfigDict, accuracy: str) -> dict[str, Any] | None:
  """The committed run of this config, and the mean over its seeds with its interval.

  Accuracies, 0 to 1, are the entry `accuracy` of the summaries. None without such a
  run, as in an installed package.
  """
  wanted = _compared(config_lib.flatten(config))
  for folder, sweep in collect.sweeps_under(config_files.PROJECT / 'results'):
    runs = json.loads((folder / f'{sweep}.json').read_text())
    for name, run in runs.items():
      if _compared(run['config']) == wanted:
        seeds = [
          other[accuracy]
          for of_seed, other in runs.items()
          if collect.variant(of_seed) == collect.variant(name)
          and other[accuracy] is not None
        ]
        return {
          'run': f'{folder.name}/{sweep}/{name}',
          'accuracy': run[accuracy],
          'seeds': len(seeds),
          'over_seeds': files.strict(intervals.of_mean(seeds)._asdict()),
        }
  return None


def _compared(config: dict[str, Any]) -> dict[str, Any]:
  """A flat config without what no accuracy depends on."""
  whole = fields.defaults() | config
  return {name: value for name, value in whole.items() if name not in _WHERE}

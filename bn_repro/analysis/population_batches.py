"""How many training mini-batches algorithm 2 needs: its step 10 says "multiple".

Averages the statistics of a trained network over 1, 3, 10, ... mini-batches, several
disjoint draws of each, and evaluates it with every average.
"""

from typing import Any

import numpy as np
from flax import traverse_util
from jaxtyping import Float
from tqdm import tqdm

from bn_repro.analysis.subject import Subject, root_mean_square
from bn_repro.evaluate.network import Network
from bn_repro.evaluate.result import about
from bn_repro.paper.section_3_1_population import batches_table
from bn_repro.run import provenance
from bn_repro.run.errors import UserError

NUMBERS = (1, 3, 10, 30, 100, 300)
DRAWS = 5


def measure(
  network: Network, numbers: tuple[int, ...] = NUMBERS, draws: int = DRAWS
) -> dict[str, Any]:
  """Accuracy, and deviation of the statistics, against the number of mini-batches.

  Args:
    network: with batch normalization.
    numbers: of mini-batches to average over.
    draws: of each number, which share no mini-batch.

  Returns:
    A page of JSON. `rows` has for each number the accuracy of each draw, 0 to 1, and
    the root mean square, over all features of the network, of the distance of the means
    and the variances from those over all mini-batches that were read, in standard
    deviations and relative to the variance.
  """
  _check_has_variances(network)
  subject = Subject(network)
  of_each = _of_each(subject, max(numbers) * draws)
  reference = of_each.mean(axis=0)
  rows = []
  for number in tqdm(numbers, desc='averages', disable=None):
    means = of_each[: number * draws].reshape(draws, number, -1).mean(axis=1)
    rows.append(_row(subject, number, means, reference))
  return {
    **about(network),
    'mini_batch': network.config.batch_size,
    'mini_batches_of_reference': len(of_each),
    'accuracy_of_reference': subject.accuracy(_unpacked(reference, network)),
    'accuracy_of_moving_average': subject.accuracy(network.batch_stats),
    'rows': rows,
    **provenance.origin(subject.experiment.devices),
  }


def _check_has_variances(network: Network) -> None:
  """Raises UserError if its statistics are others, such as covariances."""
  names = {name for *_, name in traverse_util.flatten_dict(network.batch_stats)}
  if not names <= {'mean', 'var'}:
    raise UserError(
      f'{network.workdir} holds a network with statistics {", ".join(sorted(names))}; '
      'choose a run with means and variances'
    )


def _of_each(
  subject: Subject, number: int
) -> Float[np.ndarray, 'mini_batches features']:
  """The statistics of that many mini-batches, in float64."""
  network = subject.network
  of_each = subject.population_statistics.of_single_mini_batches(
    network.params, network.batch_stats, range(number)
  )
  bar = tqdm(of_each, total=number, desc='mini-batches', disable=None)
  return np.stack([_packed(statistics) for statistics in bar])


def _packed(statistics: Any) -> Float[np.ndarray, ' features']:
  """All means, then all variances, in float64."""
  flat = traverse_util.flatten_dict(statistics, sep='/')
  names = sorted(flat, key=lambda name: (name.endswith('/var'), name))
  return np.concatenate([np.ravel(flat[name]) for name in names]).astype(np.float64)


def _unpacked(packed: Float[np.ndarray, ' features'], network: Network) -> Any:
  """The inverse of `_packed`."""
  flat = traverse_util.flatten_dict(network.batch_stats, sep='/')
  names = sorted(flat, key=lambda name: (name.endswith('/var'), name))
  ends = np.cumsum([flat[name].size for name in names])[:-1]
  parts = zip(names, np.split(packed, ends))
  flat = {
    name: part.reshape(flat[name].shape).astype(np.float32) for name, part in parts
  }
  return traverse_util.unflatten_dict(flat, sep='/')


def _row(
  subject: Subject,
  number: int,
  draws: Float[np.ndarray, 'draws features'],
  reference: Float[np.ndarray, ' features'],
) -> dict[str, Any]:
  """Of averages over that many mini-batches."""
  _, var = np.split(reference, 2)
  var = var + subject.network.config.model.epsilon
  of_mean, of_var = np.split(draws - reference, 2, axis=1)
  return {
    'mini_batches': number,
    'accuracies': [
      subject.accuracy(_unpacked(draw, subject.network)) for draw in draws
    ],
    'deviation_of_mean': root_mean_square(of_mean / np.sqrt(var)),
    'deviation_of_variance': root_mean_square(of_var / var),
  }


table = batches_table  # of the page, for the command line

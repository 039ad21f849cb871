"""How many training mini-batches algorithm 2 needs: its step 10 says "multiple".

Averages the statistics of a trained network over 1, 3, 10, ... mini-batches, several
disjoint draws of each, and evaluates it with every average.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from flax import traverse_util
from jax.flatten_util import ravel_pytree
from jaxtyping import Float
from tqdm import tqdm

from bn_repro.analysis.subject import Subject, root_mean_square
from bn_repro.evaluate.network import Network
from bn_repro.run.errors import UserError

NUMBERS = (1, 3, 10, 30, 100, 300)
DRAWS = 5


def measure(
  network: Network, numbers: tuple[int, ...] = NUMBERS, draws: int = DRAWS
) -> dict[str, Any]:
  """Accuracy, and deviation of the statistics, against the number of mini-batches.

  `rows` has for each number the accuracy of each draw, 0 to 1, and the root mean
  square, over all features of the network, of the distance of the means and the
  variances from those over all mini-batches that were read, in standard deviations and
  relative to the variance. Draws of a number share no mini-batch.
  """
  names = {name for *_, name in traverse_util.flatten_dict(network.batch_stats)}
  if not names <= {'mean', 'var'}:
    raise UserError(
      f'{network.workdir} holds a network with statistics {", ".join(sorted(names))}; '
      'choose a run with means and variances'
    )
  subject = Subject(network)
  of_each = _of_each(subject, max(numbers) * draws)
  reference = of_each.mean(axis=0)
  _, unpack = _pack(network.batch_stats)
  variances = np.split(reference, 2)[1] + network.config.model.epsilon
  rows = []
  for number in tqdm(numbers, desc='averages', disable=None):
    means = of_each[: number * draws].reshape(draws, number, -1).mean(axis=1)
    of_mean, of_var = np.split(means - reference, 2, axis=1)
    rows.append({
      'mini_batches': number,
      'accuracies': [subject.accuracy(unpack(draw)) for draw in means],
      'deviation_of_mean': root_mean_square(of_mean / np.sqrt(variances)),
      'deviation_of_variance': root_mean_square(of_var / variances),
    })  # fmt: skip
  return {
    'mini_batch': network.config.batch_size,
    'mini_batches_of_reference': len(of_each),
    'accuracy_of_reference': subject.accuracy(unpack(reference)),
    'accuracy_of_moving_average': subject.accuracy(network.batch_stats),
    'rows': rows,
  }


def _of_each(
  subject: Subject, number: int
) -> Float[np.ndarray, 'mini_batches features']:
  network = subject.network
  of_each = subject.population_statistics.of_single_mini_batches(
    network.params, network.batch_stats, range(number)
  )
  bar = tqdm(of_each, total=number, desc='mini-batches', disable=None)
  return np.stack([_pack(statistics)[0] for statistics in bar])


def _pack(
  batch_stats: Any,
) -> tuple[Float[np.ndarray, ' features'], Callable[[np.ndarray], Any]]:
  """All means, then all variances, in float64; and the inverse."""
  flat = traverse_util.flatten_dict(batch_stats)
  parts = [{k: v for k, v in flat.items() if k[-1] == n} for n in ('mean', 'var')]
  packed, unravel = ravel_pytree(parts)

  def unpack(features):
    means, variances = unravel(np.float32(features))
    return traverse_util.unflatten_dict(means | variances)

  return np.asarray(packed, np.float64), unpack

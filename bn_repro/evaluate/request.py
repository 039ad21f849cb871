"""The request that an evaluation answers. Imports no JAX."""

from typing import NamedTuple

from bn_repro.data import views
from bn_repro.run.errors import UserError

CROPS = (1, views.NUMBER)
POPULATION, MOVING_AVERAGE = 'population', 'moving_average'
STATISTICS = (POPULATION, MOVING_AVERAGE)
PLAIN, AVERAGED = 'plain', 'averaged'
WEIGHTS = (PLAIN, AVERAGED)


class Request(NamedTuple):
  """On which examples to evaluate, and how."""

  crops: int = 1  # of each image; one of `CROPS`
  dataset: str | None = None  # None for that of the runs
  statistics: str = POPULATION  # one of `STATISTICS`
  # Training mini-batches. With 30, as configs have it for evaluation in training,
  # accuracy on Imagenette differs by 0.3 points from draw to draw, with 100 by 0.1
  # (results/population).
  population_batches: int = 100
  examples: int | None = None  # from the first; None for all
  # One of `WEIGHTS`; None for the plain ones of runs, and those of published models.
  weights: str | None = None


def check_together(statistics: str, weights: str | None) -> None:
  """Raises UserError for statistics that are not of the weights."""
  if statistics == MOVING_AVERAGE and weights == AVERAGED:
    raise UserError(
      f'moving averages were taken with the plain weights; use --weights={PLAIN} or '
      f'--statistics={POPULATION}'
    )

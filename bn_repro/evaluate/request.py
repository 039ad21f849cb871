"""The request that an evaluation answers. Imports no JAX."""

from typing import NamedTuple

from bn_repro.data import views

CROPS = (1, views.NUMBER)
POPULATION, MOVING_AVERAGE = 'population', 'moving_average'
STATISTICS = (POPULATION, MOVING_AVERAGE)


class Request(NamedTuple):
  """On which examples to evaluate, and how.

  Attributes:
    crops: of each image; one of `CROPS`.
    dataset: another than that of the runs; None for theirs.
    statistics: that normalize; one of `STATISTICS`.
    population_batches: training mini-batches that population statistics are averaged
      over. With 30, as configs have it for evaluation in training, accuracy on
      Imagenette differs by 0.3 points from draw to draw, with 100 by 0.1
      (results/population).
    examples: how many, from the first; None for all.
  """

  crops: int = 1
  dataset: str | None = None
  statistics: str = POPULATION
  population_batches: int = 100
  examples: int | None = None

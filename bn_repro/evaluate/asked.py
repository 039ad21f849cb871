"""What an evaluation is asked for. Imports no JAX."""

from typing import NamedTuple

from bn_repro.data import views

CROPS = (1, views.NUMBER)
POPULATION, MOVING_AVERAGE = 'population', 'moving_average'
STATISTICS = (POPULATION, MOVING_AVERAGE)


class Asked(NamedTuple):
  """On which examples to evaluate, and how.

  Attributes:
    crops: of each image; one of `CROPS`.
    dataset: another than that of the runs; None for theirs.
    statistics: that normalize; one of `STATISTICS`.
    examples: how many, from the first; None for all.
  """

  crops: int = 1
  dataset: str | None = None
  statistics: str = POPULATION
  examples: int | None = None

"""The numbers of figure 1 (b, c): percentiles of the inputs of sigmoids."""

import numpy as np
from jaxtyping import Float

from bn_repro.run.percentiles import OF_ALL_UNITS, PERCENTILES, TAGS

Inputs = Float[np.ndarray, 'examples units']


def percentiles(inputs: Inputs) -> Float[np.ndarray, '3 units']:
  """`PERCENTILES` over examples, in float32."""
  return np.percentile(inputs, PERCENTILES, axis=0).astype(np.float32)


def scalars(inputs: Inputs, tracked_unit: int) -> dict[str, float | list]:
  """The percentiles by tag, as a line of metrics.jsonl has them."""
  of_units = percentiles(inputs)
  tracked = dict(zip(TAGS, of_units[:, tracked_unit].tolist()))
  return tracked | {OF_ALL_UNITS: of_units.tolist()}


def drift(tests: list[dict]) -> dict[str, dict[str, float]]:
  """How far the percentiles of sigmoid inputs move over training (claim 2).

  For each percentile, over all units of the last hidden layer: the mean of `range`
  (largest less smallest value over the evaluations), and the mean and the median of
  `relative` (the same, in units of the distance between the outer percentiles of that
  unit at the last evaluation). `tests` are the evaluated lines of metrics.jsonl.
  """
  course = np.asarray([line[OF_ALL_UNITS] for line in tests])
  ranges = np.ptp(course, axis=0)
  spread = np.maximum(course[-1, -1] - course[-1, 0], np.finfo(np.float32).tiny)
  return {
    str(percentile): {
      'range': float(np.mean(ranges[i])),
      'relative': float(np.mean(ranges[i] / spread)),
      'median_relative': float(np.median(ranges[i] / spread)),
    }
    for i, percentile in enumerate(PERCENTILES)
  }

"""What figure 1 (b, c) is drawn from: percentiles of the inputs of sigmoids.

Does not know how the inputs were measured. Imports no JAX.
"""

import numpy as np

PERCENTILES = (15, 50, 85)
# Of the unit that a config tracks: tags of metrics.jsonl and TensorBoard.
TAGS = tuple(f'sigmoid_input/percentile_{p}' for p in PERCENTILES)
# Of every unit, `[3, units]`: in metrics.jsonl only.
OF_ALL_UNITS = 'sigmoid_input/percentiles'


def percentiles(inputs: np.ndarray) -> np.ndarray:
  """`PERCENTILES` over examples, `[3, units]`, of inputs `[examples, units]`."""
  return np.percentile(inputs, PERCENTILES, axis=0).astype(np.float32)


def scalars(inputs: np.ndarray, tracked_unit: int) -> dict[str, float | list]:
  """What a line of metrics.jsonl says of inputs `[examples, units]`."""
  of_units = percentiles(inputs)
  tracked = dict(zip(TAGS, of_units[:, tracked_unit].tolist()))
  return tracked | {OF_ALL_UNITS: of_units.tolist()}


def drift(tests: list[dict]) -> dict[str, dict[str, float]]:
  """How far the percentiles of sigmoid inputs move over training (claim 2).

  Args:
    tests: the evaluated lines of metrics.jsonl, in order.

  Returns:
    For each percentile, over all units of the last hidden layer: the mean of
    `range` (largest less smallest value over the evaluations), the mean and the
    median of `relative` (the same, in units of the distance between the outer
    percentiles of that unit at the last evaluation).
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

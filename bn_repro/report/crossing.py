"""The steps of a run to a target accuracy: figure 3's "steps to 72.2 %".

They are those of its `smoothed` curve. Accuracy varies between two evaluations by more
than a network learns between them, so that the first evaluation above a target comes
early by luck. The rule was chosen on the runs of seeds 0 and 1 and applied unchanged to
later runs. Does not know how the runs were trained.
"""

from typing import NamedTuple

import numpy as np

from bn_repro.report.collect import Run, check_rising
from bn_repro.run.errors import UserError

# An evaluation is averaged with those within a tenth of its step, or 300 steps.
RELATIVE_WINDOW = 0.1
LEAST_WINDOW = 300


class Crossing(NamedTuple):
  """The steps to a target, or, censored, those of a curve that ends below it."""

  steps: float
  is_censored: bool


def crossing(run: Run, target: float) -> Crossing:
  """When a run reaches a validation accuracy; raises as `crossing_of`, and names it.

  One that diverges before it arrives would not have arrived with more steps either: it
  is censored where it should have ended, not where it stopped.
  """
  never = Crossing(float(run.summary['num_steps']), True)
  if run.diverged and not (run.curves['test_accuracy'] >= target).any():
    return never
  try:
    found = crossing_of(run.curves['step'], run.curves['test_accuracy'], target)
  except UserError as error:
    raise UserError(f'{run.name}: {error}') from error
  return never if run.diverged and found.is_censored else found


def crossing_of(steps: np.ndarray, accuracy: np.ndarray, target: float) -> Crossing:
  """When the smoothed curve first reaches a target (the steps of figure 3).

  Between two evaluations accuracy is taken to rise in proportion to the logarithm of
  the step. Step 0 stands for the initial weights. UserError as `smoothed`, if the
  target is not above 0 and at most 1, or if the first window's mean reaches it: such a
  run is censored on the left, which the model does not have and no run of ours needs.
  """
  if not 0 < target <= 1:
    raise UserError(f'target accuracy {target} is not above 0 and at most 1')
  steps, accuracy = smoothed(steps, accuracy)
  after = int(np.searchsorted(accuracy, target, side='left'))
  if after == len(steps):
    return Crossing(float(steps[-1]), True)
  if after == 0:
    raise UserError(
      f'the curve begins at {accuracy[0]:.1%}, above the target of {target:.1%}; '
      'choose a higher target'
    )
  around = slice(after - 1, after + 1)
  log_steps = np.log(np.maximum(steps[around], 1))
  return Crossing(float(np.exp(np.interp(target, accuracy[around], log_steps))), False)


def smoothed(steps: np.ndarray, accuracy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Steps and accuracy, `[evaluations]`, with means over neighbours, made to rise.

  Evaluation i is averaged with all evaluations within `RELATIVE_WINDOW` of its step,
  or `LEAST_WINDOW` steps if that is more; then each value is replaced by the largest
  up to it. The curve ends where a window would reach beyond the last evaluation: a
  window cut there would average earlier steps alone, and come out too low. UserError if
  a step is repeated or falls, or if the run ends within the first window.
  """
  check_rising(steps)
  half = np.maximum(RELATIVE_WINDOW * steps, LEAST_WINDOW)
  whole = steps + half <= steps[-1]
  if not whole.any():
    raise UserError(f'a run of {steps[-1]:g} steps is too short to be smoothed')
  first = np.searchsorted(steps, steps - half, side='left')[whole]
  last = np.searchsorted(steps, steps + half, side='right')[whole]
  total = np.concatenate([[0.0], np.cumsum(accuracy)])
  means = (total[last] - total[first]) / (last - first)
  return steps[whole], np.maximum.accumulate(means)

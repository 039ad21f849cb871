"""What a summary makes of the lines of metrics.jsonl."""

import pytest

from bn_repro.run import summary


def history_of(*accuracies):
  """An evaluation every 10 steps, from step 0, with a line between every two."""
  for number, accuracy in enumerate(accuracies):
    yield {'step': 10 * number, 'test/accuracy': accuracy}
    yield {'step': 10 * number + 5}


@pytest.mark.parametrize(
  'accuracies, patience, at_least, expected',
  [
    ((0.1, 0.2, 0.3, 0.4, 0.5), 0.2, 0, False),  # rises
    ((0.1, 0.2, 0.3, 0.5, 0.4), 0.2, 0, True),  # 10 of 40 steps
    ((0.1, 0.2, 0.3, 0.5, 0.4), 0.25, 0, True),
    ((0.1, 0.2, 0.3, 0.5, 0.4), 0.26, 0, False),
    ((0.1, 0.2, 0.3, 0.5, 0.4), 0.2, 40, True),
    ((0.1, 0.2, 0.3, 0.5, 0.4), 0.2, 41, False),
    ((0.1, 0.2, 0.3, 0.5, 0.5), 0.2, 0, True),  # to equal is not to rise
    ((0.1, 0.2, 0.3, 0.5, 0.4), 0.0, 0, False),  # patience without end
    ((0.3,), 0.2, 1, False),  # before the first step
    ((), 0.2, 0, False),
  ],
)
def test_when_accuracy_has_stopped_rising(accuracies, patience, at_least, expected):
  history = list(history_of(*accuracies))
  assert summary.has_stopped_rising(history, patience, at_least) is expected

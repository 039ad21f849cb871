"""What a run came to, from the lines of metrics.jsonl."""

import numpy as np
import pytest

from bn_repro.training import outcome, percentiles


def lines(*accuracies, steps=20):
  """An evaluation every few steps, of inputs spread from 0 to 100 times accuracy."""
  for number, accuracy in enumerate(accuracies):
    inputs = accuracy * np.tile(np.arange(101.0)[:, None], (1, 100))
    yield {
      'step': steps * number, 'steps_per_second': 10.0, 'seconds': 3.0,
      'test/accuracy': accuracy, **percentiles.scalars(inputs, tracked_unit=0),
    }  # fmt: skip


def of(config, *accuracies, diverged_between=None):
  return outcome.outcome([*lines(*accuracies)], config, 60, diverged_between)


def test_it_follows_from_the_lines(config):
  summary = of(config, 0.1, 0.92, 0.96, 0.94)
  assert summary['final_test_accuracy'] == 0.94
  assert (summary['best_test_accuracy'], summary['best_step']) == (0.96, 40)
  assert summary['steps_to_target'] == {'0.9': 20, '0.95': 40}
  assert summary['examples_per_second'] == 600
  assert (summary['num_steps'], summary['last_step']) == (60, 60)
  assert summary['diverged'] is False


def test_a_line_whose_steps_were_taken_before_a_stop_has_no_speed(config):
  history = [*lines(0.1, 0.92, 0.96, 0.94)]
  for line in history[1:3]:
    del line['steps_per_second']
  history[3]['steps_per_second'] = 30.0
  summary = outcome.outcome(history, config, 60, None)
  assert summary['examples_per_second'] == 1800
  for line in history:
    line.pop('steps_per_second', None)
  assert np.isnan(outcome.outcome(history, config, 60, None)['examples_per_second'])


def test_a_target_that_was_not_reached_is_null(config):
  assert of(config, 0.1, 0.91)['steps_to_target'] == {'0.9': 20, '0.95': None}


def test_divergence_is_a_result(config):
  summary = of(config, 0.1, 0.2, diverged_between=[0, 10])
  assert summary['diverged'] is True
  assert summary['diverged_between_steps'] == [0, 10]
  assert summary['final_test_accuracy'] is None


def test_drift_is_the_range_of_each_percentile(config):
  """Percentiles 15, 50, 85 of inputs 0..100 are 15, 50, 85 times the accuracy."""
  drift = of(config, 0.2, 1.0, 0.5)['percentile_drift']
  assert drift['50']['range'] == pytest.approx(50 * 0.8)
  assert drift['15']['range'] == pytest.approx(15 * 0.8)
  assert drift['50']['relative'] == pytest.approx(50 * 0.8 / (70 * 0.5))


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
  assert outcome.has_stopped_rising(history, patience, at_least) is expected

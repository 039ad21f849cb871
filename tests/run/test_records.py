"""metrics.jsonl, TensorBoard and summary.json say the same, once."""

import json
import math

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bn_repro.run import percentiles, records
from bn_repro.run import summary as summary_lib
from bn_repro.run.errors import UserError
from support import metrics_of


def evaluation_of(accuracy, units=100):
  """What an evaluator returns, with inputs spread from 0 to 100 times accuracy."""
  inputs = accuracy * np.tile(np.arange(101.0)[:, None], (1, units))
  return {'test/accuracy': accuracy, 'test/loss': 1 - accuracy}, inputs


def scalars_of(loss):
  return {'train/loss': loss, 'steps_per_second': 10.0}


def write_run(workdir, config, accuracies, after=None):
  """Records an evaluation every 20 steps, `after` a step and position or from 0 on.

  Returns the recorder, and the step and position after each record.
  """
  last, position = after or (-20, None)
  passed = []
  with records.Recorder(workdir, config, position) as recorder:
    for i, accuracy in enumerate(accuracies, 1):
      step = last + 20 * i
      recorder.record(step, scalars_of(0.5), evaluation_of(accuracy))
      passed.append((step, recorder.position()))
  return recorder, passed


def test_summary_follows_from_the_lines(config, tmp_path):
  recorder, _ = write_run(tmp_path, config, [0.1, 0.92, 0.96, 0.94])
  summary = recorder.write_summary({'device': 'abacus'}, 60)
  assert summary_lib.read(tmp_path) == summary
  assert summary['final_test_accuracy'] == 0.94
  assert (summary['best_test_accuracy'], summary['best_step']) == (0.96, 40)
  assert summary['steps_to_target'] == {'0.9': 20, '0.95': 40}
  assert summary['examples_per_second'] == 600
  assert summary['diverged'] is False
  assert summary['device'] == 'abacus'


def test_a_target_that_was_not_reached_is_null(config, tmp_path):
  summary = write_run(tmp_path, config, [0.1, 0.91])[0].write_summary({}, 60)
  assert summary['steps_to_target'] == {'0.9': 20, '0.95': None}


def test_divergence_is_a_result(config, tmp_path):
  with records.Recorder(tmp_path, config) as recorder:
    recorder.record(0, {}, evaluation_of(0.1))
    assert recorder.is_finite(scalars_of(1.0))
    assert not recorder.is_finite(scalars_of(math.nan))
    assert not recorder.is_finite(scalars_of(math.inf))
    recorder.record_divergence(range(0, 10), scalars_of(math.nan))
  summary = recorder.write_summary({}, 60)
  assert summary['diverged'] is True
  assert summary['diverged_between_steps'] == [0, 10]
  assert summary['final_test_accuracy'] is None
  text = (tmp_path / 'metrics.jsonl').read_text()
  assert 'NaN' not in text and metrics_of(tmp_path)[-1]['train/loss'] is None


def test_drift_is_the_range_of_each_percentile(config, tmp_path):
  """Percentiles 15, 50, 85 of inputs 0..100 are 15, 50, 85 times the accuracy."""
  recorder, _ = write_run(tmp_path, config, [0.2, 1.0, 0.5])
  drift = recorder.write_summary({}, 60)['percentile_drift']
  assert drift['50']['range'] == pytest.approx(50 * 0.8)
  assert drift['15']['range'] == pytest.approx(15 * 0.8)
  assert drift['50']['relative'] == pytest.approx(50 * 0.8 / (70 * 0.5))


def test_a_resumed_run_drops_what_came_after_its_checkpoint(config, tmp_path):
  _, passed = write_run(tmp_path, config, [0.1, 0.2, 0.3])
  with (tmp_path / 'metrics.jsonl').open('a') as file:
    file.write('{"step": 60, "tr')  # killed while writing
  write_run(tmp_path, config, [0.7], after=passed[1])
  assert [line['step'] for line in metrics_of(tmp_path)] == [0, 20, 40]
  assert [line['test/accuracy'] for line in metrics_of(tmp_path)] == [0.1, 0.2, 0.7]


def test_lost_metrics_are_not_passed_over(config, tmp_path):
  """A curve that begins in the middle would give wrong steps to a target."""
  (tmp_path / 'there').mkdir()
  _, passed = write_run(tmp_path / 'there', config, [0.1, 0.2])
  with pytest.raises(UserError, match=r'metrics\.jsonl is missing; put it back'):
    records.Recorder(tmp_path, config, passed[1][1])


@pytest.mark.parametrize(
  'harm', [lambda t: t.replace(b'0.2', b'0.9'), lambda t: t[:-9]]
)
def test_altered_metrics_are_not_gone_on_from(config, tmp_path, harm):
  """One digit, or a lost end."""
  _, passed = write_run(tmp_path, config, [0.1, 0.2])
  path = tmp_path / 'metrics.jsonl'
  path.write_bytes(harm(path.read_bytes()))
  before = path.read_bytes()
  with pytest.raises(UserError, match='not what it was when the checkpoint was saved'):
    records.Recorder(tmp_path, config, passed[1][1])
  assert path.read_bytes() == before


def test_tensorboard_shows_each_step_once(config, tmp_path):
  """Also when the run ended between the HParams entry and the summary."""
  _, passed = write_run(tmp_path, config, [0.1, 0.2, 0.3])
  recorder, passed = write_run(tmp_path, config, [0.7], after=passed[1])
  recorder.write_summary({}, 60)
  recorder, _ = write_run(tmp_path, config, [], after=passed[0])
  recorder.write_summary({}, 60)
  events = EventAccumulator(str(tmp_path), size_guidance={'histograms': 0})
  events.Reload()
  shown = {event.step: event.value for event in events.Scalars('test/accuracy')}
  assert len(events.Scalars('test/accuracy')) == 3
  assert shown == pytest.approx({0: 0.1, 20: 0.2, 40: 0.7})
  assert [h.step for h in events.Histograms('sigmoid_input/last_hidden_layer')] == [
    0,
    20,
    40,
  ]
  assert len(events.Scalars('summary/final_test_accuracy')) == 1
  assert set(percentiles.TAGS) <= set(events.Tags()['scalars'])


def test_hyperparameters_are_in_the_hparams_tab(config, tmp_path):
  write_run(tmp_path, config, [0.1, 0.2])[0].write_summary({}, 60)
  events = EventAccumulator(str(tmp_path), size_guidance={'histograms': 0})
  events.Reload()
  assert {'_hparams_/experiment', '_hparams_/session_start_info'} <= set(
    events.summary_metadata
  )
  assert 'summary/final_test_accuracy' in events.Tags()['scalars']


def test_strict_json():
  value = summary_lib.strict({'a': math.inf, 'b': {'c': math.nan, 'd': 1.5}})
  assert json.dumps(value, allow_nan=False) == '{"a": null, "b": {"c": null, "d": 1.5}}'


def test_a_damaged_summary_is_never_read(config, tmp_path):
  """Whichever byte is flipped or missing, the numbers are as written or refused."""
  write_run(tmp_path, config, [0.1, 0.2])[0].write_summary({}, 60)
  path, whole = tmp_path / 'summary.json', summary_lib.read(tmp_path)
  data = path.read_bytes()
  for i in range(0, len(data), 7):
    for harmed in (data[:i], data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :]):
      path.write_bytes(harmed)
      try:
        assert summary_lib.read(tmp_path) == whole
      except UserError as error:
        assert 'is not as it was written' in str(error)

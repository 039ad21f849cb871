"""metrics.jsonl, TensorBoard and summary.json say the same, once."""

import json
import math

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bn_repro.run import files, percentiles, records
from bn_repro.run import summary as summary_lib
from bn_repro.run.errors import UserError
from support import metrics_of

TAG = 'sigmoid_input/last_hidden_layer'


def measured(accuracy):
  """A line of an evaluation, and inputs of sigmoids."""
  line = {
    'train/loss': 0.5, 'steps_per_second': 10.0, 'test/accuracy': accuracy,
    percentiles.OF_ALL_UNITS: [[accuracy]] * 3,
    **dict.fromkeys(percentiles.TAGS, accuracy),
  }  # fmt: skip
  return line, {TAG: accuracy * np.arange(101.0)}


def write_run(workdir, accuracies, after=None):
  """Records an evaluation every 20 steps, `after` a step and position or from 0 on.

  Returns the recorder, and the step and position after each record.
  """
  last, position = after or (-20, None)
  passed = []
  with records.Recorder(workdir, position) as recorder:
    for i, accuracy in enumerate(accuracies, 1):
      step = last + 20 * i
      recorder.record(step, *measured(accuracy))
      passed.append((step, recorder.position()))
  return recorder, passed


CONTENT = {'final_test_accuracy': 0.7, 'device': 'abacus', 'config': {'seed': 3}}


def test_the_summary_is_kept_as_it_is_given(tmp_path):
  write_run(tmp_path, [0.1])[0].write_summary(CONTENT)
  assert summary_lib.read(tmp_path) == CONTENT


def test_what_is_not_finite_is_null(tmp_path):
  with records.Recorder(tmp_path) as recorder:
    recorder.record(0, {'train/loss': math.nan})
  text = (tmp_path / 'metrics.jsonl').read_text()
  assert 'NaN' not in text and metrics_of(tmp_path)[-1]['train/loss'] is None


def test_a_resumed_run_drops_what_came_after_its_checkpoint(tmp_path):
  _, passed = write_run(tmp_path, [0.1, 0.2, 0.3])
  with (tmp_path / 'metrics.jsonl').open('a') as file:
    file.write('{"step": 60, "tr')  # killed while writing
  write_run(tmp_path, [0.7], after=passed[1])
  assert [line['step'] for line in metrics_of(tmp_path)] == [0, 20, 40]
  assert [line['test/accuracy'] for line in metrics_of(tmp_path)] == [0.1, 0.2, 0.7]


def test_lost_metrics_are_not_passed_over(tmp_path):
  """A curve that begins in the middle would give wrong steps to a target."""
  (tmp_path / 'there').mkdir()
  _, passed = write_run(tmp_path / 'there', [0.1, 0.2])
  with pytest.raises(UserError, match=r'metrics\.jsonl is missing; put it back'):
    records.Recorder(tmp_path, passed[1][1])


@pytest.mark.parametrize(
  'harm', [lambda t: t.replace(b'0.2', b'0.9'), lambda t: t[:-9]]
)
def test_altered_metrics_are_not_gone_on_from(tmp_path, harm):
  """One digit, or a lost end."""
  _, passed = write_run(tmp_path, [0.1, 0.2])
  path = tmp_path / 'metrics.jsonl'
  path.write_bytes(harm(path.read_bytes()))
  before = path.read_bytes()
  with pytest.raises(UserError, match='not what it was when the checkpoint was saved'):
    records.Recorder(tmp_path, passed[1][1])
  assert path.read_bytes() == before


def test_tensorboard_shows_each_step_once(tmp_path):
  """Also when the run ended between the HParams entry and the summary."""
  _, passed = write_run(tmp_path, [0.1, 0.2, 0.3])
  recorder, passed = write_run(tmp_path, [0.7], after=passed[1])
  recorder.write_summary(CONTENT)
  recorder, _ = write_run(tmp_path, [], after=passed[0])
  recorder.write_summary(CONTENT)
  events = EventAccumulator(str(tmp_path), size_guidance={'histograms': 0})
  events.Reload()
  shown = {event.step: event.value for event in events.Scalars('test/accuracy')}
  assert len(events.Scalars('test/accuracy')) == 3
  assert shown == pytest.approx({0: 0.1, 20: 0.2, 40: 0.7})
  assert [h.step for h in events.Histograms(TAG)] == [0, 20, 40]
  assert len(events.Scalars('summary/final_test_accuracy')) == 1
  shown = {*events.Tags()['scalars']}
  assert {*percentiles.TAGS} <= shown and percentiles.OF_ALL_UNITS not in shown


def test_hyperparameters_are_in_the_hparams_tab(tmp_path):
  write_run(tmp_path, [0.1, 0.2])[0].write_summary(CONTENT)
  events = EventAccumulator(str(tmp_path), size_guidance={'histograms': 0})
  events.Reload()
  assert {'_hparams_/experiment', '_hparams_/session_start_info'} <= set(
    events.summary_metadata
  )
  assert 'summary/final_test_accuracy' in events.Tags()['scalars']


def test_strict_json():
  value = files.strict({'a': math.inf, 'b': [{'c': math.nan, 'd': 1.5}]})
  text = json.dumps(value, allow_nan=False)
  assert text == '{"a": null, "b": [{"c": null, "d": 1.5}]}'


def test_a_damaged_summary_is_never_read(tmp_path):
  """Whichever byte is flipped or missing, the numbers are as written or refused."""
  write_run(tmp_path, [0.1, 0.2])[0].write_summary(CONTENT)
  path, whole = tmp_path / 'summary.json', summary_lib.read(tmp_path)
  data = path.read_bytes()
  for i in range(0, len(data), 7):
    for harmed in (data[:i], data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :]):
      path.write_bytes(harmed)
      try:
        assert summary_lib.read(tmp_path) == whole
      except UserError as error:
        assert 'is not as it was written' in str(error)


def test_the_time_between_the_last_line_and_a_stop_counts(tmp_path, monkeypatch):
  """Or a run that is often stopped between two lines would seem to take no time."""
  now = 100.0
  monkeypatch.setattr(records.time, 'perf_counter', lambda: now)
  _, passed = write_run(tmp_path, [0.1])
  with records.Recorder(tmp_path, passed[0][1]) as recorder:
    now += 7
    position = recorder.position()  # stopped here, before a line
  now += 50
  write_run(tmp_path, [0.2], after=(0, position))
  assert [line['seconds'] for line in metrics_of(tmp_path)] == [0, 7]
  # As earlier code left it.
  del position['seconds']
  write_run(tmp_path, [0.2], after=(0, position))
  assert [line['seconds'] for line in metrics_of(tmp_path)] == [0, 0]

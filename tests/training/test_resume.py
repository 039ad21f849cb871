"""A run that goes on where another process stopped: what it records of that one."""

import signal

import numpy as np
import pytest

from bn_repro.run import collectives, watch
from bn_repro.run.checkpoint import Checkpoints
from bn_repro.run.errors import Preempted, UserError
from bn_repro.run.records import SKIPPED, WAITING
from bn_repro.training import experiment, loop
from bn_repro.training.evaluator import Evaluator
from bn_repro.training.resume import Progress, check_none_is_lost, start_or_resume
from bn_repro.training.step import initial_state
from support import metrics_of, without_times

SPEED = 'steps_per_second'


@pytest.fixture
def stopped_at_20(config, tmp_path, monkeypatch):
  """A run that SIGTERM stopped in the evaluation at step 20."""
  evaluate = Evaluator.__call__

  def evaluate_and_stop(self, state):
    if state.step == 20:
      signal.raise_signal(signal.SIGTERM)
    return evaluate(self, state)

  with monkeypatch.context() as patch:
    patch.setattr(watch, 'react', lambda: None)  # this process does not leave
    patch.setattr(Evaluator, '__call__', evaluate_and_stop)
    with pytest.raises(Preempted):
      loop.train(config, tmp_path / 'stopped')
  return tmp_path / 'stopped'


def test_a_stop_during_an_evaluation_records_no_wrong_speed(
  config, tmp_path, stopped_at_20
):
  """Nor a share of waiting: the steps of that line were taken by another process."""
  assert [line['step'] for line in metrics_of(stopped_at_20)] == [0, 10]
  summary = loop.train(config, stopped_at_20)
  lines = metrics_of(stopped_at_20)
  for tag in (SPEED, WAITING):
    assert [line['step'] for line in lines if tag in line] == [10, 30, 40]
  speeds = [line[SPEED] for line in lines if SPEED in line]
  assert min(speeds) > 0
  assert summary['examples_per_second'] == config.batch_size * np.median(speeds)
  loop.train(config, tmp_path / 'whole')
  assert without_times(lines) == without_times(metrics_of(tmp_path / 'whole'))


def test_images_skipped_before_a_stop_are_counted_by_the_first_process_alone(
  config, tmp_path, monkeypatch
):
  """Or each would count them anew where one process was stopped and several go on."""
  built = experiment.build(config)
  measured = {'train/loss': np.ones(3, np.float32), SKIPPED: np.float32([2, 0, 5])}
  state = initial_state(built).replace(step=np.int32(3))
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(Progress(state, [measured], None).to_checkpoint())
  sent = []
  monkeypatch.setattr(
    collectives, 'from_first_process', lambda data: sent.append(data) or sent[0]
  )
  first = start_or_resume(built, tmp_path)
  monkeypatch.setattr(collectives, 'is_first_process', lambda: False)
  monkeypatch.setattr(collectives, 'any_process', lambda _: True)
  other = start_or_resume(built, tmp_path)
  assert len(sent) == 2 and first.recorded_step == other.recorded_step == 0
  counted = [progress.measured[0][SKIPPED].tolist() for progress in (first, other)]
  assert counted == [[2, 0, 5], [0, 0, 0]]


def test_a_run_whose_checkpoints_are_away_does_not_begin_anew(config, tmp_path):
  """As on a disk that is not mounted: its metrics.jsonl would be emptied."""
  lengths = experiment.build(config).lengths
  metrics, every = tmp_path / 'metrics.jsonl', lengths.checkpoint_every
  (tmp_path / 'checkpoints').mkdir()
  for step in (0, every // 2, every):  # it may have been killed before it saved
    metrics.write_text(f'{{"step": {step}}}\n')
    check_none_is_lost(tmp_path, lengths)
  content = f'{{"step": {every + 1}}}\n'
  metrics.write_text(content)
  with pytest.raises(UserError, match=r'taken 21 steps, and checkpoints/ holds none'):
    loop.train(config, tmp_path)
  assert metrics.read_text() == content
  assert {path.name for path in tmp_path.iterdir()} == {'checkpoints', 'metrics.jsonl'}

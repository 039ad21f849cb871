"""A run that goes on where another process stopped: what it records of that one."""

import numpy as np

from bn_repro.run import collectives
from bn_repro.run.checkpoint import Checkpoints
from bn_repro.run.records import SKIPPED
from bn_repro.training import experiment
from bn_repro.training.resume import Progress, start_or_resume
from bn_repro.training.step import initial_state


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

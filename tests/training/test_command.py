"""What a start finds in its workdir decides whether and how it trains."""

import shutil

import numpy as np
import pytest

from bn_repro.run import config as config_lib
from bn_repro.run import devices, summary
from bn_repro.run.checkpoint import Checkpoint, Checkpoints
from bn_repro.run.errors import UserError
from bn_repro.training import command, loop, resume


@pytest.fixture
def start(config, tmp_path, monkeypatch):
  """Starts the config's run in a folder, with what happens before it has the lock."""
  command.FLAGS.mark_as_parsed()
  monkeypatch.setattr(loop, 'train', lambda *_: pytest.fail('trained'))

  def start(meanwhile):
    monkeypatch.setattr(devices, 'start', meanwhile)
    command.start(config, tmp_path, [])

  return start


def test_a_run_that_another_process_finishes_meanwhile(start, config, tmp_path, capsys):
  """JAX takes seconds to start, and other processes minutes."""
  finished = {'config': config_lib.flatten(config)}
  start(lambda: summary.write(tmp_path, finished))
  assert capsys.readouterr().out == f'finished before: {tmp_path / "summary.json"}\n'


def test_another_run_that_begins_meanwhile(start, config, tmp_path):
  other = config.copy_and_resolve_references()
  other.seed = 7
  with pytest.raises(UserError, match=r'another config, .* seed \(7 there, 0 asked'):
    start(lambda: config_lib.store(other, tmp_path, []))


def test_checkpoints_of_a_config_that_is_lost(config, tmp_path):
  """They may be of another learning rate or seed, which no array of them says."""
  config_lib.store(config, tmp_path, [])
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(Checkpoint(0, {'step': np.asarray(0)}, {}))
  resume.check_begun(config, tmp_path)
  (tmp_path / 'config.json').unlink()
  with pytest.raises(UserError, match=r'no config\.json .*; put it back'):
    resume.check_begun(config, tmp_path)
  shutil.rmtree(tmp_path / 'checkpoints')
  resume.check_begun(config, tmp_path)

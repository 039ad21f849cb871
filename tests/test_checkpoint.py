"""A state comes back as it was saved."""

import numpy as np

from bn_repro.checkpoint import KEPT, Checkpoints


def state_at(step):
  weights = np.full((3, 2), step / 3, np.float32)
  return {'step': np.asarray(step, np.int32), 'params': {'w': weights}, 'none': ()}


def test_nothing_to_restore(tmp_path):
  with Checkpoints(tmp_path / 'checkpoints') as checkpoints:
    assert checkpoints.restore_latest(state_at(0)) is None


def test_the_newest_comes_back_bit_for_bit(tmp_path):
  with Checkpoints(tmp_path / 'checkpoints') as checkpoints:
    for step in (10, 20, 30, 40, 50):
      checkpoints.save(step, state_at(step))
  kept = sorted(int(path.name) for path in (tmp_path / 'checkpoints').iterdir())
  assert kept == [30, 40, 50] and len(kept) == KEPT
  with Checkpoints(tmp_path / 'checkpoints') as checkpoints:
    restored = checkpoints.restore_latest(state_at(0))
  assert int(restored['step']) == 50
  np.testing.assert_array_equal(restored['params']['w'], state_at(50)['params']['w'])
  assert restored['params']['w'].dtype == np.float32

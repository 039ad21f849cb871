"""A run that was killed and resumed gives the same bits as one left alone."""

import itertools
from typing import NamedTuple

import pytest

from data.prepared import NUM_CLASSES, examples, prepare
from reliability import killing
from support import as_flags, metrics_of, program

OFTEN = {
  'train_for': '240 steps',
  'log_every': '20 steps',
  'evaluate_every': '60 steps',
  'checkpoint_every': '40 steps',
  'population_batches': 5,
  'momentum': 0.9,
}


class Subject(NamedTuple):
  """A network to kill: its config and what it overrides."""

  config: str
  overrides: dict

  def arguments(self, workdir) -> list[str]:
    return [
      f'--config=configs/{self.config}', f'--workdir={workdir}',
      *as_flags(OFTEN | self.overrides),
    ]  # fmt: skip


MLP = Subject('mnist.py:batch_norm', {'dataset.name': 'digits', 'steps_per_call': 7})
INCEPTION = Subject(
  'bn_x5.py:digits',
  {
    'dataset.name': 'made', 'dataset.size': 16, 'dataset.num_classes': NUM_CLASSES,
    'dataset.feed': 'stream', 'dataset.workers': 0, 'model.width': 0.0625,
    'batch_size': 8, 'model.normalization_group': 0, 'evaluation_batch_size': 8,
    'train_for': '60 steps', 'log_every': '5 steps', 'evaluate_every': '15 steps',
    'checkpoint_every': '10 steps', 'steps_per_call': 1,
  },
)  # fmt: skip
SUBJECTS = {'MLP': MLP, 'Inception, streaming': INCEPTION}


@pytest.fixture(scope='module')
def made_data(tmp_path_factory):
  """A prepared data set of a few images, to stream."""
  data_dir = tmp_path_factory.mktemp('data')
  prepare(data_dir, 'made', examples(60), examples(20))
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('TFDS_DATA_DIR', str(data_dir))
    yield


def kill_and_compare(subject, kills, folder):
  """Kills runs of a subject at all these moments; what differed, by run."""
  alone = folder / 'alone'
  result = program(*subject.arguments(alone))
  assert result.returncode == 0, result.stderr
  waiting, found, killed = list(kills), [], 0
  for number in itertools.count():
    workdir, code = folder / f'killed_{number}', None
    while code != 0:
      planned = waiting.pop() if waiting else killing.NEVER
      ended = killing.run_with(planned, subject.arguments(workdir))
      code = ended.returncode
      assert code in (0, -planned.number), ended.stderr
      killed += code != 0
    found.append(killing.differences(alone, workdir))
    assert len(metrics_of(workdir)) == len({m['step'] for m in metrics_of(workdir)})
    if not waiting:
      return found, killed


@pytest.mark.slow
@pytest.mark.parametrize('name', SUBJECTS)
def test_killed_at_every_place_and_resumed(tmp_path, made_data, name):
  """Parameters, statistics, momentum, metrics, summary and curves: the same bits."""
  kills = killing.signals(seed=0, number=len(killing.PLACES))
  found, killed = kill_and_compare(SUBJECTS[name], kills, tmp_path)
  assert killed >= 3
  assert not any(found), found


@pytest.mark.slow
@pytest.mark.reliability
@pytest.mark.parametrize('name', SUBJECTS)
def test_killed_fifty_times(tmp_path, made_data, name):
  found, killed = kill_and_compare(SUBJECTS[name], killing.signals(1, 70), tmp_path)
  assert killed >= 50
  assert not any(found), found

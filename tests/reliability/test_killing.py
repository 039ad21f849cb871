"""A run that was killed and resumed gives the same bits as one left alone."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from data.prepared import NUM_CLASSES, examples, prepare
from reliability import killing
from support import as_flags

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
  """A prepared data set of a few images, to stream, for a network of one row."""
  data_dir = tmp_path_factory.mktemp('data')
  prepare(data_dir, 'made', examples(60), examples(20))
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('TFDS_DATA_DIR', str(data_dir))
    patch.setenv('ONLY_ROWS', '5b')
    yield


class Killed(NamedTuple):
  """A run that came to its end: where it was killed, and what differs then."""

  places: list[str]
  differences: list[str]


def kill_and_compare(
  subject: Subject, kills: Iterable[killing.Signal], folder: Path
) -> Iterator[Killed]:
  """Runs of a subject, killed at all these moments, compared with one left alone."""
  alone, waiting = folder / 'alone', list(kills)
  result = killing.run_with(killing.NEVER, subject.arguments(alone))
  assert result.returncode == 0, result.stderr
  for number in itertools.count():
    workdir, places = folder / f'killed_{number}', []
    while True:
      planned = waiting.pop() if waiting else killing.NEVER
      ended = killing.run_with(planned, subject.arguments(workdir))
      assert ended.returncode in (0, -planned.number), ended.stderr
      if ended.returncode == 0:
        break
      places.append(planned.place)
    yield Killed(places, killing.differences(alone, workdir))
    if not waiting:
      return


def assert_all_came_through(runs: list[Killed], least: int, record_property) -> None:
  """At least so many kills, and no run that differs; notes the kills by place."""
  injected = Counter(place for run in runs for place in run.places)
  harmful = Counter(place for run in runs if run.differences for place in run.places)
  for place, number in injected.items():
    record_property('faults', (killing.SAID[place], number, harmful[place]))
  assert sum(injected.values()) >= least
  assert not harmful, runs


@pytest.mark.slow
@pytest.mark.parametrize(
  'name, places',
  [
    ('MLP', killing.PLACES),
    # Its starts take long. What differs from the MLP's is its state and its feed.
    ('Inception, streaming', ('step', 'evaluation', 'save')),
  ],
)
def test_killed_at_these_places(tmp_path, made_data, name, places, record_property):
  """Parameters, statistics, momentum, metrics, summary and curves: the same bits."""
  kills = killing.signals(0, len(places), places)
  runs = list(kill_and_compare(SUBJECTS[name], kills, tmp_path))
  assert_all_came_through(runs, min(3, len(places) - 1), record_property)


@pytest.mark.slow
@pytest.mark.reliability
@pytest.mark.parametrize('name', SUBJECTS)
def test_killed_fifty_times(tmp_path, made_data, name, record_property):
  runs = list(kill_and_compare(SUBJECTS[name], killing.signals(1, 70), tmp_path))
  assert_all_came_through(runs, 50, record_property)

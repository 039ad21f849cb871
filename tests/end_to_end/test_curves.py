"""`python -m bn_repro.curves`: what is published, beside one's own in TensorBoard."""

import csv
import re

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bn_repro import curves
from bn_repro.report import collect
from bn_repro.run import summary, tensorboard
from bn_repro.run.errors import Preempted, UserError
from forked import run
from support import PROJECT, clean_environment

TABLES = sorted((PROJECT / 'results').glob('*/*_curves.csv'))
FITTING = 'inception/networks/bn_x30_seed*'


def files_of(folder):
  """What lies below a folder, with the times of the files."""
  return {p: p.stat().st_mtime_ns for p in folder.rglob('*') if p.is_file()}


def test_a_run_has_the_points_and_tags_of_its_table(tmp_path):
  curves.write(tmp_path, FITTING)
  runs = collect.load(PROJECT / 'results' / 'inception', 'networks')
  chosen = [one for one in runs if one.name.startswith('bn_x30_seed')]
  folder = tmp_path / 'inception' / 'networks'
  assert [path.name for path in sorted(folder.iterdir())] == [r.name for r in chosen]
  for one in chosen:
    events = EventAccumulator(str(folder / one.name)).Reload()
    measured = {*collect.COLUMNS.values()} & {*events.Tags()['scalars']}
    assert {'test/accuracy', 'test/loss', 'train/loss'} <= measured
    for column, tag in collect.COLUMNS.items():
      if tag in measured:
        values = one.curves[column]
        kept = values == values
        points = events.Scalars(tag)
        assert [p.step for p in points] == one.curves['step'][kept].tolist()
        assert [p.value for p in points] == pytest.approx(values[kept].tolist())
    (accuracy,) = events.Scalars('summary/final_test_accuracy')
    assert accuracy.value == pytest.approx(one.summary['final_test_accuracy'])
    assert accuracy.step == one.summary['last_step']
    plugin = events.SummaryMetadata('_hparams_/session_start_info').plugin_data
    assert b'learning_rate' in plugin.content


def test_every_table_is_written_under_tags_that_training_has(tmp_path, monkeypatch):
  """Without the work of it: each run once, and no column by another name."""
  written = {}
  monkeypatch.setattr(
    tensorboard,
    'write_whole',
    lambda folder, points, *_: written.setdefault(folder, points) is points,
  )
  curves.write(tmp_path)
  total = 0
  for path in TABLES:
    with path.open() as file:
      total += len({row['run'] for row in csv.DictReader(file)})
  assert len(written) == total
  tags = {tag for points in written.values() for tag in points}
  assert all(
    tag in collect.COLUMNS.values() or tag.startswith(collect.PROBES) for tag in tags
  )


def test_done_again_it_changes_nothing(tmp_path, capsys):
  curves.write(tmp_path, FITTING)
  before = files_of(tmp_path)
  curves.write(tmp_path, FITTING)
  assert files_of(tmp_path) == before and before
  assert f'{len(before)} there before' in capsys.readouterr().out


def test_other_numbers_take_the_place_of_the_former(tmp_path):
  parts = ({'test/accuracy': {0: 0.1}}, 0, {'seed': 0}, {})
  for value in (0.2, 0.3):
    tensorboard.write_whole(tmp_path, {'test/accuracy': {0: value}}, *parts[1:])
  (path,) = tmp_path.iterdir()
  (point,) = EventAccumulator(str(path)).Reload().Scalars('test/accuracy')
  assert point.value == pytest.approx(0.3)


@pytest.mark.parametrize('stop', [1, 40])
def test_an_interruption_leaves_no_half_run(tmp_path, monkeypatch, stop):
  """Nor a file that TensorBoard would take for one; the same command continues."""

  class Stopped(tensorboard.RecordWriter):
    written = 0

    def write(self, data):
      Stopped.written += 1
      if Stopped.written > stop:
        raise KeyboardInterrupt
      super().write(data)

  with monkeypatch.context() as patch:
    patch.setattr(tensorboard, 'RecordWriter', Stopped)
    with pytest.raises(Preempted, match='the same command continues'):
      curves.write(tmp_path, FITTING)
  assert not [path for path in files_of(tmp_path) if 'tfevents' in path.name]
  curves.write(tmp_path, FITTING)
  assert all('tfevents' in path.name for path in files_of(tmp_path))


def test_without_results_it_says_where_they_are(tmp_path, monkeypatch):
  monkeypatch.setattr(curves, 'RESULTS', tmp_path / 'results')
  with pytest.raises(UserError, match='a checkout of the bn_repro repository'):
    curves.write(tmp_path)


@pytest.mark.parametrize(
  'words, expected',
  [
    (['--only=bn_x30'], '--output'),
    (['--output=there', '--only=nix'], "--only='nix' fits no published run"),
    (['--output=there', '--all'], "'--all' is not a flag"),
  ],
)
def test_a_mistake_is_one_line_and_code_2(tmp_path, words, expected):
  environment = clean_environment() | {'PYTHONPATH': str(PROJECT)}
  result = run(['-m', 'bn_repro.curves', *words], tmp_path, environment)
  assert result.returncode == 2 and result.stdout == ''
  (line,) = result.stderr.splitlines()
  assert line.startswith('error: ') and expected in line
  assert not list(tmp_path.iterdir())


def test_every_column_is_explained():
  """In results/README.md, with its unit; layers are numbered N there."""
  text = (PROJECT / 'results' / 'README.md').read_text()
  explained = {*re.findall(r'^\| `([\w/]+)` \|', text, re.MULTILINE)}
  columns = set()
  for path in TABLES:
    with path.open() as file:
      columns |= {*next(csv.reader(file))}
  assert {re.sub(r'_\d+/', '_N/', column) for column in columns} == explained


def test_accuracies_of_a_summary_are_those_of_its_hparams():
  """Those of averaged weights and with moving averages, too."""
  found = {
    'final_test_accuracy': 0.7, 'final_test_accuracy_moving_average': 0.6,
    'final_test_accuracy_polyak': 0.8, 'final_train_accuracy_undistorted': 0.9,
  }  # fmt: skip
  content = found | {'best_test_accuracy': None, 'seed': 3}
  expected = {f'summary/{name}': value for name, value in found.items()}
  assert summary.accuracies(content) == expected

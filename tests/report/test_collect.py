"""From workdirs to committed files and back: nothing is lost, nothing made up."""

import csv
import errno
import json
import os
import shutil
from unittest import mock

import numpy as np
import pytest

from bn_repro.report import collect, seeds
from bn_repro.run import summary
from bn_repro.run.errors import UserError
from evaluate.saved import save_run
from support import small_config


@pytest.fixture
def root(tmp_path):
  """Of a sweep."""
  (tmp_path / 'runs').mkdir()
  return tmp_path / 'runs'


def finish(root, name, *lines):
  """A finished run with such evaluations."""
  workdir = save_run(small_config('baseline'), root / name)
  (workdir / 'metrics.jsonl').write_text('\n'.join(map(json.dumps, lines)) + '\n')
  summary.write(workdir, {'network': 'baseline'})
  return workdir


def accuracies(results):
  """Of each run in the files."""
  runs = collect.load(results, 'found')
  return {run.name: run.curves['test_accuracy'].tolist() for run in runs}


def test_columns_of_probes_are_kept(root, tmp_path):
  """Under their tags, beside those that every run has."""
  line = {'step': 0, 'test/accuracy': 0.1, 'landscape/smoothness': 2.5, 'other': 1}
  finish(root, 'a_seed0', line)
  collect.collect(root, tmp_path, 'found')
  (found,) = collect.load(tmp_path, 'found')
  assert found.curves.keys() == {'step', 'test_accuracy', 'landscape/smoothness'}
  assert found.curves['landscape/smoothness'].tolist() == [2.5]


def test_a_probe_that_is_null_in_every_run_has_a_column_of_nan(root, tmp_path):
  """Its section says that there is no value, and does not lack the column."""
  line = {'step': 0, 'test/accuracy': 0.1, 'landscape/smoothness': None}
  finish(root, 'a_seed0', line)
  collect.collect(root, tmp_path, 'found')
  (found,) = collect.load(tmp_path, 'found')
  values = found.curves['landscape/smoothness']
  assert np.isnan(values).all()
  assert seeds.estimate(values) == '1 of 1 diverged or without a value'


def test_runs_of_another_machine_are_kept(root, tmp_path):
  """And those that both have are the new ones, whatever columns they share."""
  for name in ('a', 'b'):
    finish(root, name, {'step': 0, 'test/accuracy': 0.1, 'test/loss': 2.0},
           {'step': 9, 'test/accuracy': 0.2, 'test/loss': 1.0})  # fmt: skip
  collect.collect(root, tmp_path, 'found')
  elsewhere = tmp_path / 'elsewhere'
  elsewhere.mkdir()
  finish(elsewhere, 'b', {'step': 0, 'test/accuracy': 0.3, 'train/loss': 3.0})
  collect.collect(elsewhere, tmp_path, 'found')
  assert accuracies(tmp_path) == {'a': [0.1, 0.2], 'b': [0.3]}


def test_of_a_seed_all_runs_or_none(root, tmp_path):
  """Under the root or in the results, and by another seed's name."""
  listed = [f'{network}_seed{seed}' for network in 'ab' for seed in (0, 1, 11)]
  line = {'step': 0, 'test/accuracy': 0.1}
  for run in ('a_seed0', 'a_seed1'):
    finish(root, run, line)
  check = lambda: collect.check_whole(root, tmp_path, 'found', listed)
  with pytest.raises(UserError, match='lacks b_seed0 and 1 more; '):
    check()
  finish(root, 'b_seed0', line)
  collect.collect(root, tmp_path, 'found')
  with pytest.raises(UserError, match='lacks b_seed1; '):
    check()
  shutil.rmtree(root / 'a_seed0')
  finish(root, 'b_seed1', line)
  check()


def test_collecting_again_changes_no_byte(root, tmp_path):
  for name in ('b', 'a'):
    finish(root, name, {'step': 0, 'test/accuracy': 0.123456789, 'test/loss': 1e-9})
  texts = []
  for _ in range(2):
    collect.collect(root, tmp_path, 'found')
    texts.append(
      [(tmp_path / n).read_text() for n in ('found.json', 'found_curves.csv')]
    )
  assert texts[0] == texts[1]


@pytest.mark.parametrize('stopped_at', [1, 2])
def test_a_collection_that_is_stopped_loses_nothing(
  root, tmp_path, monkeypatch, stopped_at
):
  """Before the first or the second file is in its place; the same command goes on."""
  finish(root, 'a_seed0', {'step': 0, 'test/accuracy': 0.1})
  collect.collect(root, tmp_path, 'found')
  elsewhere = tmp_path / 'elsewhere'
  elsewhere.mkdir()
  finish(elsewhere, 'b_seed0', {'step': 0, 'test/accuracy': 0.2})
  fsync, calls = os.fsync, []

  def stop(number):
    calls.append(number)
    if len(calls) == stopped_at:
      raise KeyboardInterrupt
    fsync(number)

  with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
    patch.setattr(os, 'fsync', stop)
    collect.collect(elsewhere, tmp_path, 'found')
  assert accuracies(tmp_path) == {'a_seed0': [0.1]}
  collect.collect(root, tmp_path, 'found')
  assert accuracies(tmp_path) == {'a_seed0': [0.1]}
  collect.collect(elsewhere, tmp_path, 'found')
  assert accuracies(tmp_path) == {'a_seed0': [0.1], 'b_seed0': [0.2]}


def test_a_full_disk_leaves_what_was_collected(root, tmp_path, monkeypatch):
  finish(root, 'a_seed0', {'step': 0, 'test/accuracy': 0.1})
  collect.collect(root, tmp_path, 'found')
  finish(root, 'b_seed0', {'step': 0, 'test/accuracy': 0.2})
  with monkeypatch.context() as patch, pytest.raises(OSError, match='No space'):
    full = mock.Mock(side_effect=OSError(errno.ENOSPC, 'No space left on device'))
    patch.setattr(csv.DictWriter, 'writerows', full)
    collect.collect(root, tmp_path, 'found')
  assert accuracies(tmp_path) == {'a_seed0': [0.1]}


def test_a_damaged_curve_is_refused_until_it_is_collected_again(root, tmp_path):
  lines = [{'step': step, 'test/accuracy': 0.5} for step in (0, 9)]
  finish(root, 'a_seed0', *lines)
  collect.collect(root, tmp_path, 'found')
  curves = tmp_path / 'found_curves.csv'
  with curves.open('a') as file:
    file.write(curves.read_text().splitlines()[-1] + '\n')
  with pytest.raises(UserError, match=r'step 9 follows step 9; .*; collect it again'):
    collect.load(tmp_path, 'found')
  collect.collect(root, tmp_path, 'found')
  assert accuracies(tmp_path) == {'a_seed0': [0.5, 0.5]}

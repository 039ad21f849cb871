"""`python -m bn_repro.evaluate`, as a user meets it."""

import json
import os
import signal
import time

import jax
import numpy as np
import pytest
from fake_experiment import only_rows

import forked
from data.prepared import examples, prepare
from data.prepared import small_config as small_photographs
from evaluate import saved
from evaluate.saved import save_run
from support import clean_environment, small_config


def evaluate(*arguments, **environment):
  """Runs the program to its end, on one CPU device."""
  words = ['-m', 'bn_repro.evaluate', *arguments]
  return forked.run(words, env=clean_environment() | environment)


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
  """Two runs on the digits."""
  root = tmp_path_factory.mktemp('runs')
  return [
    save_run(small_config('batch_norm', seed=seed), root / f'seed_{seed}')
    for seed in (0, 1)
  ]


@pytest.mark.slow
def test_one_run_and_an_ensemble(runs, tmp_path):
  output = tmp_path / 'scores.json'
  workdirs = ','.join(map(str, runs))
  result = evaluate(f'--workdir={workdirs}', '--output', output)
  assert result.returncode == 0, result.stderr
  assert 'ensemble of 2' in result.stdout and str(output) in result.stdout
  found = json.loads(output.read_text())
  assert [member['seed'] for member in found['members']] == [0, 1]
  assert found['ensemble']['examples'] == 360
  assert [line['members'] for line in found['by_number_of_members']] == [1, 2]


def test_a_number_that_is_nan_is_null(tmp_path, monkeypatch):
  """The scores are strict JSON, which has no NaN."""
  weights = saved.random_variables
  spoil = lambda leaf: np.full_like(leaf, np.nan)
  spoiled = lambda *arguments: jax.tree.map(spoil, weights(*arguments))
  monkeypatch.setattr(saved, 'random_variables', spoiled)
  workdir = saved.save_run(small_config('batch_norm'), tmp_path / 'run')
  output = tmp_path / 'scores.json'
  flags = ['--statistics=moving_average', '--examples=20']
  result = evaluate(f'--workdir={workdir}', '--output', output, *flags)
  assert result.returncode == 0, result.stderr
  refused = lambda name: pytest.fail(f'{name} is no JSON')
  (member,) = json.loads(output.read_text(), parse_constant=refused)['members']
  assert member['cross_entropy'] is None
  assert (member['examples'], member['top_1']['accuracy']) == (20, 0)


def test_help_names_the_flags():
  result = evaluate('--help')
  assert result.returncode == 0
  assert '--crops' in result.stdout and '--statistics' in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
  'words, expected',
  [
    ([], '--workdir'),
    (['--workdir=nowhere'], 'holds no run'),
    (['--workdir=a,a'], 'a directory is given twice'),
    (['--workdir=a,'], 'a directory has no name'),
    (['--workdir=a', '--crops=10'], 'invalid choice: 10'),
    (['--workdir=a', '--crops=x'], "invalid int value: 'x'"),
    (['--workdir=a', '--statistics=batch'], "invalid choice: 'batch'"),
    (['--workdir=a', '--workers=-1'], "'-1' is not a number from 0"),
    (['--workdir=a', '--examples=0'], "'0' is not a number from 1"),
    (['--workdir=a', '--crop=1'], 'did you mean --crops'),
    (['--workdir=a', '--config=configs/mnist.py'], "'--config' is not a flag"),
    (['a'], "'a' is not a flag"),
  ],
)
def test_a_mistake_is_one_line_and_code_2(words, expected):
  result = evaluate(*words)
  assert result.returncode == 2, result.stderr
  assert result.stdout == ''
  (line,) = result.stderr.splitlines()
  assert line.startswith('error: ') and expected in line


@pytest.mark.slow
def test_a_signal_stops_it_and_the_same_command_goes_on(tmp_path, monkeypatch):
  only_rows(monkeypatch, '5b')
  data_dir = tmp_path / 'data'
  held_out = [image._replace(label=0) for image in examples(100, ((60, 90),))]
  prepare(data_dir, 'many', examples(3), held_out)
  config = small_photographs('many', **{'dataset.feed': 'stream'})
  workdir = save_run(config, tmp_path / 'run')
  flags = [f'--workdir={workdir}', '--crops=144', '--statistics=moving_average']
  environment = clean_environment() | {'TFDS_DATA_DIR': str(data_dir), **forked.QUICK}
  words = [saved.OF_ROWS, '5b', *flags]
  process = forked.start(words, env=environment)
  rows = workdir / 'evaluation' / 'many_144_crops_moving_average.rows'
  deadline = time.monotonic() + 240
  while not (rows.exists() and rows.stat().st_size):
    assert time.monotonic() < deadline and process.poll() is None
    time.sleep(0.05)
  os.kill(process.pid, signal.SIGTERM)
  _, errors = process.communicate(timeout=60)
  assert process.returncode == 75, errors
  assert errors.strip().endswith('stopped by a signal; the same command resumes')
  begun = rows.read_bytes()
  result = forked.run(words, env=environment)
  assert result.returncode == 0, result.stderr
  assert '100 examples' in result.stdout
  assert rows.read_bytes().startswith(begun)

"""The command line, as a user meets it."""

import json
import shutil
import subprocess
import sys

import pytest

from support import FEW_STEPS, PROJECT, as_flags, metrics_of, program, summary_of

BATCH_NORM = '--config=configs/mnist.py:batch_norm'
FEW = as_flags(FEW_STEPS)


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  """A finished run: its workdir and what the program printed."""
  workdir = tmp_path_factory.mktemp('runs') / 'finished'
  result = program(BATCH_NORM, f'--workdir={workdir}', *FEW, '--config.seed=3')
  assert result.returncode == 0, result.stderr
  return workdir, result


def assert_refused(result, *words):
  """Exit code 2 and one line that says these words; no traceback."""
  assert result.returncode == 2, result.stderr
  assert result.stdout == ''
  lines = result.stderr.splitlines()
  assert len(lines) == 1 and lines[0].startswith('error: '), result.stderr
  for word in words:
    assert word in lines[0]


@pytest.mark.slow
def test_a_run_leaves_a_directory_that_explains_itself(finished):
  workdir, result = finished
  assert result.stdout.startswith('batch_norm on digits, seed 3: test accuracy ')
  overrides = (workdir / 'overrides.txt').read_text().splitlines()
  assert overrides == [BATCH_NORM, *FEW, '--config.seed=3']
  config = json.loads((workdir / 'config.json').read_text())
  assert (config['seed'], config['dataset']['name']) == (3, 'digits')
  assert [line['step'] for line in metrics_of(workdir)] == [0, 10, 20, 30, 40]
  assert {path.name for path in (workdir / 'checkpoints').iterdir()} == {'20', '40'}
  assert list(workdir.glob('events.out.tfevents.*'))


def test_summary_has_the_common_fields(finished):
  summary = summary_of(finished[0])
  assert summary['network'] == 'batch_norm'
  assert (summary['dataset'], summary['seed']) == ('digits', 3)
  assert summary['num_steps'] == 40
  assert 0 < summary['final_test_accuracy'] <= summary['best_test_accuracy'] <= 1
  assert set(summary['steps_to_target']) == {'0.9', '0.95'}
  assert summary['diverged'] is False
  assert summary['wall_seconds'] > 0 and summary['examples_per_second'] > 0
  assert summary['device'].startswith('1 x cpu')
  assert {'python', 'jax', 'flax', 'optax'} <= set(summary['versions'])
  assert summary['git_revision']


def test_the_same_command_again_says_that_it_is_finished(finished):
  workdir, _ = finished
  before = (workdir / 'summary.json').read_bytes()
  again = program(BATCH_NORM, f'--workdir={workdir}', *FEW, '--config.seed=3')
  assert again.returncode == 0
  assert again.stdout == f'finished before: {workdir / "summary.json"}\n'
  assert (workdir / 'summary.json').read_bytes() == before


def test_values_may_be_words_of_their_own(finished):
  """The same run, asked for with spaces; and recorded so that it can be made again."""
  from bn_repro.training.command import overrides_of

  words = [BATCH_NORM, *FEW, '--config.seed=3']
  apart = [part for word in words for part in word.split('=', 1)]
  again = program('--workdir', finished[0], *apart)
  assert again.stdout.startswith('finished before: '), again.stderr
  assert overrides_of(['bn_repro', '--workdir', 'x', *apart, '--describe']) == words


def test_another_config_in_the_same_workdir(finished):
  result = program(
    BATCH_NORM, f'--workdir={finished[0]}', *FEW, '--config.learning_rate=0.5'
  )
  assert_refused(result, 'learning_rate (0.1 there, 0.5 asked for)', 'seed (3 there')


def test_another_length_of_a_finished_run(finished):
  given = [*FEW, '--config.seed=3', '--config.train_for=50 steps']
  result = program(BATCH_NORM, f'--workdir={finished[0]}', *given)
  assert_refused(result, "is finished, with config.train_for='40 steps'; ask for that")


@pytest.mark.slow
@pytest.mark.parametrize(
  'argument, words',
  [
    ('--config.learning_rat=1', ['learning_rat', 'did you mean learning_rate']),
    ('--config.model.width=1', ['no field', 'model.width']),
    ('--config.seed=three', ['--config.seed=three', 'a whole number']),
    ('--config.learning_rate=fast', ['a number is wanted, such as 0.1']),
    ('--config.model.batch_norm=perhaps', ['true or false']),
    ('--config.batch_size=-60', ['config.batch_size=-60', 'from 1 to 1,048,576']),
    ('--config.num_devices=7777', ['num_devices=7777', 'there are 1']),
    ('--config.dataset.name=mnits', ["'mnits' is not in", 'prepare_data.py']),
    (BATCH_NORM, ['--config is given twice']),
    ('--wordkir=x', ['wordkir', 'workdir']),
    ('leftover', ["'leftover' is not a flag"]),
  ],
)
def test_a_mistake_is_answered_in_one_line(tmp_path, argument, words):
  result = program(BATCH_NORM, f'--workdir={tmp_path}', *FEW, argument)
  assert_refused(result, *words)


@pytest.mark.parametrize(
  'config, words',
  [
    ('configs/mnits.py', ['configs/mnits.py', 'configs/mnist.py']),
    ('configs/mnist.py:resnet', ['resnet', 'batch_norm and baseline']),
  ],
)
def test_a_config_that_is_none(tmp_path, config, words):
  result = program(f'--config={config}', f'--workdir={tmp_path}', *FEW)
  assert_refused(result, *words)


def test_missing_data(tmp_path):
  result = program(
    BATCH_NORM, f'--workdir={tmp_path / "run"}', TFDS_DATA_DIR=str(tmp_path)
  )
  assert_refused(result, "'mnist' is not in", 'prepare_data.py', 'dataset.name=digits')


def test_missing_workdir():
  assert_refused(program(BATCH_NORM, *FEW), '--workdir is missing')


@pytest.mark.slow
@pytest.mark.parametrize('place', ['/proc/run', '{file}/run'])
def test_a_workdir_that_cannot_be_written(tmp_path, place):
  file = tmp_path / 'file'
  file.touch()
  workdir = place.format(file=file)
  assert_refused(
    program(BATCH_NORM, f'--workdir={workdir}', *FEW), workdir, '--workdir'
  )


def test_help_shows_usage_and_every_field():
  result = program(BATCH_NORM, '--help')
  assert result.returncode == 0 and result.stderr == ''
  for text in ('usage:', 'examples:', 'exit codes:', 'model.init_std', 'batch_size'):
    assert text in result.stdout


@pytest.mark.parametrize(
  'config, reason',
  [
    ('ConfigDict()', ''),
    ("ConfigDict({'model': {}})", ''),
    ('None', ', for get_config of {} returns None, not a ConfigDict'),
  ],
)
def test_help_of_a_config_without_fields(tmp_path, config, reason):
  """All the rest of the text, and that there is none; not an empty list."""
  path, head = tmp_path / 'empty.py', 'from ml_collections import ConfigDict\n'
  path.write_text(f'{head}\ndef get_config():\n  return {config}\n')
  result = program(f'--config={path}', '--help')
  assert (result.returncode, result.stderr) == (0, '')
  assert 'usage:' in result.stdout and 'exit codes:' in result.stdout
  said = f'fields of {path}: none{reason.format(path)}'
  assert result.stdout.splitlines()[-1] == said


@pytest.mark.parametrize('program', ['bn_repro', 'bn_repro.export'])
def test_help_for_a_reader_that_leaves_early(program):
  """Such as `head`: no complaint."""
  command = f'{sys.executable} -m {program} --help | true'
  result = subprocess.run(
    ['bash', '-c', command], cwd=PROJECT, capture_output=True, text=True, timeout=60
  )
  assert result.stderr == ''


def test_describe_leaves_without_training(tmp_path):
  result = program(BATCH_NORM, '--describe', f'--workdir={tmp_path / "run"}')
  assert result.returncode == 0
  lines = result.stdout.splitlines()
  assert lines[-1].split() == ['total', '100,010', '600', '99,400']
  assert not (tmp_path / 'run').exists()


@pytest.mark.slow
def test_the_run_goes_on_where_there_is_no_git(tmp_path):
  """From a copy that is no repository: the revision is said to be unknown."""
  for name in ('bn_repro', 'configs'):
    shutil.copytree(PROJECT / name, tmp_path / name)
  result = program(
    BATCH_NORM, f'--workdir={tmp_path / "run"}', *FEW, directory=tmp_path
  )
  assert result.returncode == 0, result.stderr
  assert summary_of(tmp_path / 'run')['git_revision'] == 'unknown'

"""`python -m bn_repro.analysis`, as a user meets it."""

import json

import pytest

import forked
from evaluate.saved import save_run
from support import small_config


def analysis(*words):
  return forked.run(['-m', 'bn_repro.analysis', *words])


@pytest.mark.slow
def test_an_experiment_is_printed_and_written(tmp_path):
  workdir = save_run(small_config('batch_norm'), tmp_path / 'run')
  output = tmp_path / 'found.json'
  result = analysis(
    'population_batches', f'--workdir={workdir}', f'--output={output}'
  )  # fmt: skip
  assert result.returncode == 0, result.stderr
  assert 'deviation of means' in result.stdout and str(output) in result.stdout
  found = json.loads(output.read_text())
  assert [row['mini_batches'] for row in found['rows']] == [1, 3, 10, 30, 100, 300]
  assert found['network'] == 'batch_norm' and found['git_revision']


@pytest.mark.slow
def test_an_experiment_of_no_network(tmp_path):
  result = analysis('toy_bias', f'--output={tmp_path / "found.json"}')
  assert result.returncode == 0, result.stderr
  found = json.loads((tmp_path / 'found.json').read_text())
  assert len(found['rows']) == 4 and found['seconds'] > 0


def test_help_names_the_experiments():
  result = analysis('--help')
  assert result.returncode == 0 and 'shifted_data' in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
  'words, expected',
  [
    ([], 'no experiment is named; there are batch_noise, '),
    (['nothing'], "no experiment 'nothing'"),
    (['--workdir=a'], "no experiment '--workdir=a'"),
    (['shifted_data', '--workdir=a'], '--output'),
    (['shifted_data', '--workdir=a', '--output=nowhere/x'], 'there is no directory'),
    (['shifted_data', '--workdir=nowhere', '--output=x'], 'holds no run'),
    (['weight_scale', '--output=x'], 'weight_scale needs a --workdir; see --help'),
    (['toy_bias', '--workdir=a', '--output=x'], 'toy_bias takes no --workdir'),
    (['toy_bias', '--workers=1', '--output=x'], 'toy_bias takes no --workers'),
    (['shifted_data', '--workdir=a', '--crops=1'], "'--crops' is not a flag"),
  ],
)
def test_a_mistake_is_one_line_and_code_2(words, expected):
  result = analysis(*words)
  assert result.returncode == 2 and result.stdout == ''
  (line,) = result.stderr.splitlines()
  assert line.startswith('error: ') and expected in line

"""`scripts/report.py` answers a mistake in one line and leaves results as they were."""

import subprocess
import sys

import pytest

from support import PROJECT, clean_environment


def report(*words):
  return subprocess.run(
    [sys.executable, 'scripts/report.py', *words],
    cwd=PROJECT, env=clean_environment(), capture_output=True, text=True,
  )  # fmt: skip


@pytest.fixture
def half_run(tmp_path):
  """Of figure 1 one network of the first seed is finished."""
  run = tmp_path / 'runs' / 'figure1' / 'batch_norm_seed0'
  run.mkdir(parents=True)
  (run / 'summary.json').write_text('{}')
  return tmp_path / 'runs'


@pytest.mark.parametrize(
  'name, said',
  [
    ('mnist', 'figure1 lacks baseline_seed0; '),
    ('analysis', 'no finished run in '),
  ],
)
def test_runs_that_are_missing(half_run, tmp_path, name, said):
  results = tmp_path / 'results'
  ended = report(f'--report={name}', f'--root={half_run}', f'--results={results}')
  assert ended.returncode == 2
  assert said in ended.stderr and len(ended.stderr.splitlines()) == 1
  assert not results.exists()


@pytest.mark.parametrize('name', ['population', 'conformance', 'claims', 'page'])
def test_a_report_of_no_runs_takes_none(half_run, tmp_path, name):
  ended = report(f'--report={name}', f'--root={half_run}', f'--results={tmp_path}')
  assert ended.returncode == 2
  assert ended.stderr == (
    f'error: --report={name} is made from no runs, but from files of its --results; '
    'leave --root out\n'
  )


def test_a_folder_of_results_that_is_missing(tmp_path):
  ended = report('--report=claims', f'--results={tmp_path / "nowhere"}')
  assert ended.returncode == 2
  assert ended.stderr == (
    f'error: no directory {tmp_path / "nowhere"}; give the folder of all results\n'
  )


def test_results_that_are_missing(tmp_path):
  ended = report('--report=mnist', f'--results={tmp_path}')
  assert ended.returncode == 2
  assert ended.stderr == (
    f'error: no figure1.json in {tmp_path}; give the runs with --root\n'
  )


def test_claims_of_a_folder_without_results(tmp_path):
  """Such as that of one report: every claim would be "not tried yet"."""
  (tmp_path / 'figure1.json').write_text('{}')
  ended = report('--report=claims', f'--results={tmp_path}')
  assert ended.returncode == 2
  assert ended.stderr == (
    f'error: no results in {tmp_path} that a claim is about; give the folder that has '
    'analysis/, inception/ and mnist/\n'
  )
  assert [path.name for path in tmp_path.iterdir()] == ['figure1.json']

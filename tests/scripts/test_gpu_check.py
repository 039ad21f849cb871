"""scripts/gpu_check.py: parts that fail or hang do not stop the next."""

import re
import shutil
import subprocess
import sys

import pytest

from support import PROJECT, script

check = script('gpu_check')
sys.path.append(str(PROJECT / 'scripts' / 'benchmarks'))


@pytest.fixture
def parts(monkeypatch, tmp_path):
  """Short programs in place of the parts."""
  programs = {
    'tests': 'print("FAILED tests/a.py::test_b - no"); exit(1)',
    'batch_norm': 'import time; print("under way", flush=True); time.sleep(60)',
    'mnist': 'raise OSError("no disk")',
    'train_step': 'open("batch_norm_gpu.json", "w").write("{}")',
  }
  monkeypatch.setattr(check, 'FOLDER', tmp_path / 'run')
  monkeypatch.setattr(check, 'GRACE', 1.0)
  monkeypatch.setattr(check, 'find_device', lambda: ('gpu', 'fake'))
  folder = tmp_path / 'run' / 'results'
  start = f'import os; os.chdir({str(folder)!r}); '
  words = lambda name, *_: [sys.executable, '-c', start + programs[name]]
  monkeypatch.setattr(check, 'command', words)
  return [*programs]


def test_every_part_has_its_line(parts, monkeypatch, capsys, tmp_path):
  arguments = ['x', '--minutes=0.3', f'--results={tmp_path}', '--parts', *parts]
  monkeypatch.setattr(sys, 'argv', arguments)
  assert check.main() == 1
  *_, tests, batch_norm, mnist, train_step = capsys.readouterr().out.splitlines()
  assert re.fullmatch(r'tests: failed: a\.py::test_b, \d+ s', tests)
  assert re.match('batch_norm: failed: no end within . s; ', batch_norm)
  assert re.match('mnist: failed: exit code 1: OSError: no disk, ', mnist)
  assert re.fullmatch(r'train_step: passed, \d+ s', train_step)
  assert (tmp_path / 'batch_norm_gpu.json').exists()


@pytest.mark.usefixtures('parts')
def test_a_page_that_cannot_be_made_is_a_failure(monkeypatch, capsys, tmp_path):
  (tmp_path / 'README.md').write_text('no place for tables\n')
  arguments = ['x', '--minutes=0.3', f'--results={tmp_path}', '--parts', 'train_step']
  monkeypatch.setattr(sys, 'argv', arguments)
  assert check.main() == 1
  *_, train_step, page = capsys.readouterr().out.splitlines()
  assert train_step.startswith('train_step: passed')
  assert page.startswith('page: failed: KeyError: ')


def test_without_a_gpu_it_says_how_to_install_one(monkeypatch, capsys):
  monkeypatch.setattr(check, 'find_device', lambda: ('cpu', 'cpu'))
  monkeypatch.setattr(sys, 'argv', ['x'])
  assert check.main() == 2
  (line,) = capsys.readouterr().err.splitlines()
  assert 'pip install -U "jax[cuda' in line


@pytest.mark.parametrize('name', [name for name in check.PARTS if name != 'tests'])
@pytest.mark.parametrize('is_tiny', [False, True], ids=['full', 'tiny'])
def test_a_benchmark_takes_the_words_of_its_part(name, is_tiny, monkeypatch):
  benchmark = script(f'benchmarks/{check.PARTS[name].script[:-3]}')
  words = check.command(name, is_tiny, 60.0)[2:-1]  # but its folder
  monkeypatch.setattr(sys, 'argv', ['x', *words])
  of_main = getattr(benchmark, 'BENCHMARK', None) or benchmark.main.__self__
  assert of_main._options().within == 60.0


def test_the_tests_are_there():
  for file in (*check.TESTS, *check.TINY_TESTS):
    assert (PROJECT / 'tests' / file).exists()


def test_the_shell_passes_flags_on():
  bash = shutil.which('bash')
  words = [bash, PROJECT / 'scripts' / 'gpu_check.sh', '--results=/no/such']
  ended = subprocess.run(words, capture_output=True, text=True)
  assert ended.returncode == 2
  assert "--results='/no/such' is not there" in ended.stderr

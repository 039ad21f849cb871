"""`scripts/reproduce.sh` trains, measures and reports; a second call finds it done."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bn_repro.paper.reports import Report
from bn_repro.run import exits
from bn_repro.training import sweep
from support import FEW_STEPS, PROJECT, script

reproduce = script('reproduce')
SWEEP = """
def get_runs():
  few = {few}
  return [('batch_norm_seed0', 'configs/mnist.py:batch_norm', few)]
"""


def test_every_sweep_and_report_that_it_names_is_there():
  """And every MNIST sweep of the project is one of them."""
  for path in (*reproduce.MNIST.values(), *reproduce.INCEPTION.values()):
    assert sweep.read(PROJECT / 'configs' / path)
  listed = set(reproduce.MNIST.values())
  there = {
    f'analysis/{p.name}' for p in (PROJECT / 'configs/analysis').glob('[a-z]*.py')
  }
  assert there - listed == {'analysis/variants.py'}


def test_every_page_that_the_reports_read_is_measured():
  from bn_repro.paper import section_3_1_population as population
  from bn_repro.paper.analysis_page import ANALYSES

  read = {f'analysis/{name}' for name in ANALYSES}
  read |= {f'population/{name}' for name in population.FILES}
  assert read == reproduce.ANALYSES.keys()


@pytest.fixture
def small(tmp_path, monkeypatch, forks):
  """One run of a few steps on the digits, two pages, no report; in another folder."""
  python, environment = forks
  monkeypatch.setattr(sys, 'executable', python)
  for name in ('PYTHON_OF_FORKS', 'XLA_FLAGS'):
    monkeypatch.setenv(name, environment[name])
  (tmp_path / 'configs').mkdir()
  (tmp_path / 'configs' / 'one.py').write_text(SWEEP.format(few=FEW_STEPS))
  read = sweep.read
  in_folder = lambda path: read(tmp_path / path.relative_to(PROJECT))
  monkeypatch.setattr(sweep, 'read', in_folder)
  pages = {
    'analysis/identities': ('identities', 'mnist/one/batch_norm_seed0'),
    'analysis/elsewhere': ('identities', 'mnist/one/nobody_seed0'),
  }
  changed = {
    'RUNS': tmp_path / 'runs', 'RESULTS': tmp_path / 'results', 'REPORTS': {},
    'SCRIPTS': (), 'MNIST': {'mnist/one': 'one.py'}, 'ANALYSES': pages,
  }  # fmt: skip
  for name, value in changed.items():
    monkeypatch.setattr(reproduce, name, value)
  (tmp_path / 'results').mkdir()
  (tmp_path / 'results' / 'claims.json').write_text('[]')
  return tmp_path


@pytest.mark.slow
def test_a_second_call_does_nothing_again(small, capfd):
  reproduce.reproduce(with_inception=False, jobs=1)
  page = small / 'results' / 'analysis' / 'identities.json'
  assert len(json.loads(page.read_text())['rows']) == 4
  assert 'nobody_seed0 was not trained here' in capfd.readouterr().out
  summary = small / 'runs' / 'mnist' / 'one' / 'batch_norm_seed0' / 'summary.json'
  measured = small / 'runs' / 'pages' / 'analysis' / 'identities.json'
  before = [path.stat().st_mtime_ns for path in (summary, measured)]
  page.unlink()
  reproduce.reproduce(with_inception=False, jobs=1)
  assert [path.stat().st_mtime_ns for path in (summary, measured)] == before
  assert page.exists()


@pytest.mark.slow
def test_what_fails_is_named_and_the_rest_goes_on(small, capfd, monkeypatch):
  monkeypatch.setattr(reproduce, 'ANALYSES', {'analysis/a': ('nothing', None)})
  monkeypatch.setattr(reproduce, 'REPORTS', {'nonsense': Report(None)})
  monkeypatch.setattr(signal, 'signal', lambda *unused: None)
  monkeypatch.setattr(exits.watch, 'start', lambda: None)
  with pytest.raises(SystemExit) as ended:
    exits.exit_after(lambda: reproduce.reproduce(with_inception=False, jobs=1))
  assert ended.value.code == 1
  failed = [x for x in capfd.readouterr().err.splitlines() if x.startswith('failed: ')]
  assert failed == ['failed: analysis/a: see above', 'failed: nonsense: see above']


@pytest.mark.slow
def test_help_and_mistakes():
  call = lambda *words: subprocess.run(
    [sys.executable, 'scripts/reproduce.py', *words],
    cwd=PROJECT, capture_output=True, text=True,
  )  # fmt: skip
  assert '--inception' in call('--help').stdout
  assert call('--inceptions').returncode == 2
  assert Path(PROJECT / 'scripts' / 'reproduce.sh').stat().st_mode & 0o100

"""A sweep runs what is not finished and survives what fails."""

import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from bn_repro.run import config as config_lib
from bn_repro.run import devices, summary
from bn_repro.run.errors import UserError
from bn_repro.run.progress import last_step
from bn_repro.training import sweep
from support import FEW_STEPS, PROJECT, summary_of

# 'broken' passes the checks and fails when it starts: nobody has so many devices.
SWEEP = """
FEW = {few}

def get_runs():
  return [
    ('plain', 'configs/mnist.py:baseline', FEW),
    ('broken', 'configs/mnist.py:baseline', FEW | {{'num_devices': 60}}),
    ('normalized', 'configs/mnist.py:batch_norm', FEW | {{'seed': 1}}),
  ]
"""


@pytest.fixture
def run_script(forks):
  """Runs scripts/sweep.py with arguments."""
  python, environment = forks
  return lambda *arguments: subprocess.run(
    [python, 'scripts/sweep.py', *map(str, arguments)],
    cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300,
  )  # fmt: skip


@pytest.mark.slow
def test_one_failure_does_not_stop_the_others(tmp_path, run_script):
  path, root = tmp_path / 'three.py', tmp_path / 'runs'
  path.write_text(SWEEP.format(few=FEW_STEPS))
  arguments = (f'--sweep={path}', f'--root={root}', '--jobs=2')
  first = run_script(*arguments)
  assert first.returncode == 1
  assert '2 of 3 runs of three are finished' in first.stdout
  assert '1 failed' in first.stderr  # in the bar, long before it is named
  (failed,) = (x for x in first.stderr.splitlines() if x.startswith('failed: '))
  assert 'broken: exit code 2: error: config.num_devices=60' in failed
  assert summary_of(root / 'normalized')['seed'] == 1
  before = (root / 'plain' / 'summary.json').stat().st_mtime_ns
  second = run_script(*arguments)
  assert '1 runs' in second.stderr  # the bar counts only what is left
  assert (root / 'plain' / 'summary.json').stat().st_mtime_ns == before


def test_every_sweep_in_configs_is_sound():
  """Configs load and pass their checks; names do not clash."""
  numbers = {
    path.stem: len(sweep.read(path))
    for folder in ('sweeps', 'analysis')
    for path in (PROJECT / 'configs' / folder).glob('[a-z]*.py')
    if path.stem != 'variants'
  }
  assert numbers['mnist_figure1'] == 10
  assert numbers['mnist_grid'] == 7 * 3 * 2 * 3
  assert numbers['quickstart'] == 6
  assert numbers['placement'] == 6 * 5
  assert numbers['inception_networks'] == 5 * 3
  assert numbers['inception_ablation'] == 3 * 2 * 7 + 2 * 3
  assert numbers['inception_ensemble'] == 6


def test_an_unknown_sweep_names_the_known(run_script):
  result = run_script('--sweep=configs/sweeps/nope.py', '--root=runs/nope')
  assert result.returncode == 2
  assert 'configs/sweeps/mnist_grid.py' in result.stderr
  assert len(result.stderr.splitlines()) == 1


@pytest.mark.slow
def test_only_the_runs_that_are_asked_for_by_name(tmp_path, run_script):
  path, root = tmp_path / 'three.py', tmp_path / 'runs'
  path.write_text(SWEEP.format(few=FEW_STEPS))
  arguments = (f'--sweep={path}', f'--root={root}', '--only=norm*')
  result = run_script(*arguments)
  assert result.returncode == 0, result.stderr
  assert '1 of 1 runs of three are finished' in result.stdout
  assert not run_script(*arguments).stderr  # no bar over nothing
  assert [workdir.name for workdir in root.iterdir()] == ['normalized']


def test_no_run_of_that_name(tmp_path):
  path = tmp_path / 'three.py'
  path.write_text(SWEEP.format(few=FEW_STEPS))
  names = 'there are plain, broken, normalized'
  with pytest.raises(UserError, match=f"no run .* is called 'nobody'; {names}"):
    sweep.run_sweep(path, tmp_path / 'runs', 1, 'nobody')


def test_a_mistake_in_one_run_stops_the_sweep_before_it_starts(tmp_path):
  path = tmp_path / 'bad.py'
  path.write_text(SWEEP.format(few={'batch_size': -1}))
  with pytest.raises(UserError, match='batch_size=-1'):
    sweep.read(path)


def test_a_sweep_without_runs(tmp_path):
  """It is the list that is empty, whatever --only says."""
  path = tmp_path / 'none.py'
  path.write_text('def get_runs():\n  return []\n')
  with pytest.raises(UserError, match='get_runs lists no run'):
    sweep.read(path)


def test_two_runs_of_one_name(tmp_path):
  path = tmp_path / 'twice.py'
  path.write_text("def get_runs():\n  return [('a', 'configs/mnist.py', {})] * 2\n")
  with pytest.raises(UserError, match='share a name'):
    sweep.read(path)


@pytest.mark.parametrize('name', ["'../../elsewhere'", "'a/b'", "'..'", "''", '5'])
def test_a_name_that_leads_out_of_the_root(name, tmp_path):
  path = tmp_path / 'names.py'
  path.write_text(f"def get_runs():\n  return [({name}, 'configs/mnist.py', {{}})]\n")
  with pytest.raises(UserError, match='is no name of a run'):
    sweep.read(path)


def test_a_stop_reaches_a_run_that_is_being_started(tmp_path, monkeypatch):
  """The signal comes while the process is made, before anyone knows of it."""
  path = tmp_path / 'three.py'
  path.write_text(SWEEP.format(few=FEW_STEPS))
  whole = sweep.Sweep(sweep.read(path), tmp_path / 'runs', jobs=1)
  popen, started, is_starting = subprocess.Popen, [], threading.Event()

  def slow(command, **options):
    is_starting.set()
    time.sleep(0.2)
    started.append(popen(['sleep', '60'], **options))
    return started[-1]

  def stop(tasks):
    is_starting.wait()
    raise KeyboardInterrupt

  monkeypatch.setattr(sweep.subprocess, 'Popen', slow)
  monkeypatch.setattr(whole, '_show_progress', stop)
  with pytest.raises(KeyboardInterrupt):
    whole.execute()
  assert [process.poll() for process in started] == [-signal.SIGTERM]


@pytest.mark.parametrize(
  'returned, reason',
  [('None', 'TypeError'), ('[("a", "b")]', 'ValueError'), ('1 / 0', 'ZeroDivision')],
)
def test_what_gives_no_list_of_runs(returned, reason, tmp_path):
  path = tmp_path / 'strange.py'
  path.write_text(f'def get_runs():\n  return {returned}\n')
  with pytest.raises(UserError, match=f'list of .name, config, overrides.: {reason}'):
    sweep.read(path)


def test_no_failure_of_any_kind_takes_the_others_with_it(tmp_path, monkeypatch):
  path = tmp_path / 'three.py'
  path.write_text(SWEEP.format(few=FEW_STEPS))
  whole = sweep.Sweep(sweep.read(path), tmp_path / 'runs', jobs=1)
  begun = []

  def start(run, cores):
    begun.append(run.name)
    raise RuntimeError('a bug')

  monkeypatch.setattr(whole, '_start_and_wait', start)
  whole.execute()
  assert begun == ['plain', 'broken', 'normalized']
  assert whole.failures == dict.fromkeys(begun, 'a bug')


def test_a_finished_run_of_another_config_is_not_taken_for_this_one(tmp_path):
  """A sweep that was edited does not report old numbers under a name."""
  path, workdir = tmp_path / 'one.py', tmp_path / 'runs' / 'plain'
  path.write_text(SWEEP.format(few={'seed': 1}))
  (run, *_) = sweep.read(path)
  workdir.mkdir(parents=True)
  config_lib.store(run.load(), workdir, [])
  (workdir / 'summary.json').write_text('{}')
  path.write_text(SWEEP.format(few={'seed': 2}))
  with pytest.raises(UserError, match=r'plain holds a run of another .*seed \(1 there'):
    sweep.Sweep(sweep.read(path), tmp_path / 'runs', jobs=1)


def test_a_finished_run_needs_no_data_set(tmp_path, monkeypatch):
  path, root = tmp_path / 'one.py', tmp_path / 'runs'
  path.write_text(SWEEP.format(few={'dataset.name': 'gone'}))
  runs = sweep.read(path)
  for run in runs:
    (root / run.name).mkdir(parents=True)
    content = {'config': config_lib.flatten(run.load())}
    summary.write(root / run.name, content)
  sweep.Sweep(runs, root, jobs=2).execute()


def test_a_run_has_its_cores_from_its_first_moment_on(tmp_path, monkeypatch):
  """XLA counts them when it starts; and nothing fails once the process is there."""
  path, seen = tmp_path / 'three.py', []
  path.write_text(SWEEP.format(few=FEW_STEPS))
  whole = sweep.Sweep(sweep.read(path), tmp_path / 'runs', jobs=1)
  process = SimpleNamespace(wait=lambda: 1, pid=-1)

  def popen(*unused, **options):
    seen.append(os.sched_getaffinity(0))
    return process

  monkeypatch.setattr(sweep.subprocess, 'Popen', popen)
  every = os.sched_getaffinity(0)
  for core in every:
    with ThreadPoolExecutor(1) as worker:
      worker.submit(whole._start_and_wait, whole._pending[0], {core}).result()
  assert seen == [{core} for core in every]
  assert os.sched_getaffinity(0) == every and set(devices.cores()) == every


@pytest.mark.parametrize(
  'line', [b'{"step": 20, "loss": 1}', b'{"step": 20, "x": 0%s}']
)
@pytest.mark.parametrize('cut', [b'', b'{"step": 30, "lo'])
def test_the_progress_of_a_run_is_its_last_whole_line(tmp_path, line, cut):
  """Also of a line of many percentiles, and before any."""
  path = tmp_path / 'metrics.jsonl'
  assert last_step(path) == 0
  before = b'{"step": 10}\n' + line.replace(b'%s', b'.' + b'1' * 50_000) + b'\n'
  path.write_bytes(before + cut)
  assert last_step(path) == 20


@pytest.mark.parametrize('content', [b'\xff\xfe\n', b'[]\n', b'{}\n', b'7\n', b'\n'])
def test_the_progress_of_damaged_metrics_is_none(tmp_path, content):
  """What is wrong with them the run itself says."""
  path = tmp_path / 'metrics.jsonl'
  path.write_bytes(content)
  assert last_step(path) == 0


def test_the_progress_of_metrics_that_are_a_pipe_is_none(tmp_path):
  """To open it would block, and the sweep's display with it."""
  os.mkfifo(tmp_path / 'metrics.jsonl')
  assert last_step(tmp_path / 'metrics.jsonl') == 0

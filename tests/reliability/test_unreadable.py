"""What the machine does while something is read is never called damage.

Whatever is read (a checkpoint, a data set, answers, statistics, a summary, a config,
measurements) and however the machine fails: nothing is moved, changed or made anew,
nothing is advised to be removed, and it ends in one line with code 71.
"""

import errno
import io
import os
import resource
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from bn_repro.data import builders, sources
from bn_repro.evaluate import statistics
from bn_repro.evaluate.predictions import PredictionFile, Predictions
from bn_repro.run import checkpoint, exits, records, summary
from bn_repro.run import config as config_lib
from bn_repro.run.checkpoint import Checkpoint, Checkpoints
from bn_repro.run.errors import MachineError, of_machine
from bn_repro.run.files import write_sealed
from bn_repro.training import identity
from data.prepared import Stored, photograph, prepare_mnist
from support import PROJECT, clean_environment, small_config

ERRORS = (
  errno.EIO, errno.EACCES, errno.ESTALE, errno.ENOSPC, errno.EMFILE, errno.ETIMEDOUT,
)  # fmt: skip
OF_TENSORSTORE = (
  'UNKNOWN: Error opening "zarr" driver: Failed to open: Input/output error '
  "[os_error_code='5'] [tensorstore_spec='{}']"
)
# What Orbax and the libraries below it raise where no file is at fault.
RAISED = {
  'a platform that is not there': RuntimeError("Unable to initialize backend 'cuda'"),
  'a device out of memory': jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: 1 GB'),
  'a device that is lost': jax.errors.JaxRuntimeError('INTERNAL: device lost'),
  'no memory': MemoryError(),
  'a library that is missing': ModuleNotFoundError("No module named 'tensorstore'"),
  'an error of the disk, wrapped': ValueError(OF_TENSORSTORE),
  'another version of a library': TypeError('restore() got an unexpected keyword'),
  'no thread': RuntimeError("can't start new thread"),
} | {f'{errno.errorcode[code]} of the system': OSError(code, 'text') for code in ERRORS}


def contents(folder):
  """Of all files below a folder, with times."""
  return {
    path: (path.stat().st_mtime_ns, path.read_bytes())
    for path in folder.rglob('*')
    if path.is_file() and not path.is_symlink()
  }


def checkpoint_at(step):
  return Checkpoint(step, {'params': {'w': np.full(3, step, np.float32)}}, {})


@pytest.fixture
def workdir(tmp_path):
  """A run with all that is ever read of one."""
  config_lib.store(small_config('batch_norm'), tmp_path, [])
  with Checkpoints(tmp_path) as checkpoints:
    for step in (1, 2):
      checkpoints.save(checkpoint_at(step))
  summary.write(tmp_path, {'config': {'train_for': '1 step'}})
  write_sealed(tmp_path / identity.NAME, {'data': {}, 'starts': []})
  (tmp_path / 'metrics.jsonl').write_text('{"step": 0}\n')
  answer_file(tmp_path).append(Predictions(*(np.ones((2, *s)) for s in SHAPES)), 1.0)
  statistics._write(tmp_path / statistics.NAME, {'a': {'mean': np.ones(3)}}, 'identity')
  digits = [Stored(photograph(i, 28, 28, 'L', 'PNG'), i % 10) for i in range(4)]
  prepare_mnist(tmp_path / 'data', digits, digits)
  return tmp_path


SHAPES = ((), (), (), (3,))


def answer_file(workdir):
  return PredictionFile(workdir / 'answers', {'checkpoint': 'x'}, 3)


def read_metrics(workdir):
  return records._read_until(workdir / 'metrics.jsonl', {'bytes': 12, 'sha256': ''})


def read_data(workdir):
  with builders.open_builder('mnist'):
    pass


# What is read, by which function.
READ = {
  'config.json': lambda w: config_lib.stored(w),
  'config.json, compared': lambda w: config_lib.check_workdir(
    small_config('batch_norm'), w
  ),
  'summary.json': summary.read,
  'identity.json': identity.read,
  'metrics.jsonl': read_metrics,
  'answers.index': answer_file,
  'answers.rows': answer_file,
  'population_statistics.npz': lambda w: statistics._read(
    w / statistics.NAME, 'identity'
  ),
  'data/mnist/1.0.0/dataset_info.json': read_data,
  'data/mnist/1.0.0/features.json': read_data,
  'checkpoints/2/seal/metadata': checkpoint.restore_newest,
  'checkpoints/2/state/_METADATA': checkpoint.read_newest,
}


def fail_at(monkeypatch, path, code):
  """Lets every way that Python has to open or look at a file fail for one."""
  for module, name in ((io, 'open'), (os, 'stat'), (os, 'lstat'), (os, 'open')):
    original = getattr(module, name)

    def fails(file, *args, _original=original, **more):
      if isinstance(file, str | os.PathLike) and Path(file) == path:
        raise OSError(code, os.strerror(code), str(file))
      return _original(file, *args, **more)

    monkeypatch.setattr(module, name, fails)


def assert_is_of_the_machine(error, code=None):
  """And advises nothing that costs a file."""
  said = error if isinstance(error, MachineError) else of_machine(error)
  assert said.exit_code == 71 and '\n' not in str(said)
  for word in ('damaged', 'remove', 'delete'):
    assert word not in str(said)
  assert code is None or os.strerror(code) in str(said)


@pytest.mark.parametrize('name', READ)
def test_an_error_of_the_system_is_no_damage(
  monkeypatch, workdir, name, record_property
):
  """Each kind of file that Python reads, and each error, at opening and looking."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(workdir / 'data'))
  before = contents(workdir)
  for code in ERRORS:
    with monkeypatch.context() as patched:
      fail_at(patched, workdir / name.partition(',')[0], code)
      with pytest.raises((MachineError, OSError)) as caught:
        READ[name](workdir)
    assert_is_of_the_machine(caught.value, code)
  assert contents(workdir) == before
  record_property('faults', ('an error of the system', len(ERRORS), 0))


@pytest.mark.parametrize('read', [checkpoint.restore_newest, checkpoint.read_newest])
def test_no_other_failure_is_damage_to_a_checkpoint(
  monkeypatch, workdir, read, record_property
):
  """Neither is it moved, nor is the one before it taken."""
  before = contents(workdir)
  of_tensorstore = map(ValueError, ('DEADLINE_EXCEEDED: no answer', 'ABORTED: again'))
  for error in (*RAISED.values(), *of_tensorstore):

    def restored(_, error=error):
      raise error

    monkeypatch.setattr(checkpoint, '_restored', restored)
    with pytest.raises(MachineError) as caught:
      read(workdir)
    assert_is_of_the_machine(caught.value)
  assert contents(workdir) == before
  record_property('faults', ('another failure', len(RAISED) + 2, 0))


@pytest.mark.parametrize(
  'kind', [kind for kind, error in RAISED.items() if not isinstance(error, TypeError)]
)
def test_no_other_failure_is_damage_to_a_data_set(monkeypatch, workdir, kind):
  """A wrong form is what a parser says, and shows in such errors alone."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(workdir / 'data'))

  def opened(*_):
    raise RAISED[kind]

  monkeypatch.setattr(builders, 'open_split', opened)
  with pytest.raises((MachineError, MemoryError)) as caught:
    sources.load('mnist')
  assert_is_of_the_machine(caught.value)


@pytest.mark.fault('a folder of checkpoints that cannot be listed')
def test_checkpoints_that_cannot_be_listed_are_not_none(monkeypatch, workdir):
  """Or the run would begin again over its own measurements."""

  def failing(listed, path='.'):
    if str(path).endswith('checkpoints'):
      raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
    return listed(path)

  for name in ('listdir', 'scandir'):  # pathlib's, until Python 3.12 and since
    monkeypatch.setattr(os, name, partial(failing, getattr(os, name)))
  for read in (checkpoint.restore_newest, checkpoint.newest_step):
    with pytest.raises(OSError) as caught:
      read(workdir)
    assert_is_of_the_machine(caught.value, errno.EIO)


@pytest.mark.fault('no more open files, really')
def test_too_many_open_files_are_no_damage(workdir):
  """The kernel's own limit, met by Orbax and TensorStore."""
  checkpoint.read_newest(workdir)  # imports what it needs
  before = contents(workdir)
  limits = resource.getrlimit(resource.RLIMIT_NOFILE)
  os.close(used := os.dup(0))  # the lowest that is free
  resource.setrlimit(resource.RLIMIT_NOFILE, (used, limits[1]))
  try:
    with pytest.raises((MachineError, OSError)) as caught:
      checkpoint.restore_newest(workdir)
  finally:
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
  assert_is_of_the_machine(caught.value)
  assert contents(workdir) == before and not (workdir / 'damaged').exists()


@pytest.mark.parametrize(
  'name', [n for n in READ if n != 'answers.rows' and 'points' not in n]
)
@pytest.mark.fault('EIO, really')
def test_an_input_error_of_the_kernel(monkeypatch, workdir, name):
  """/proc/self/mem opens as any file, and gives EIO where nothing is mapped."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(workdir / 'data'))
  path = workdir / name.partition(',')[0]
  path.unlink()
  path.symlink_to('/proc/self/mem')
  with pytest.raises((MachineError, OSError)) as caught:
    READ[name](workdir)
  assert_is_of_the_machine(caught.value, errno.EIO)
  assert path.is_symlink()


@pytest.mark.fault('a library that is missing')
def test_a_missing_library_is_no_damaged_data_set(monkeypatch, workdir):
  monkeypatch.setenv('TFDS_DATA_DIR', str(workdir / 'data'))
  missing = 'array_record.python.array_record_module'
  monkeypatch.setitem(sys.modules, missing, None)
  with pytest.raises(MachineError) as caught:
    sources.load('mnist')
  assert_is_of_the_machine(caught.value)


@pytest.mark.parametrize(
  'error', [OSError(errno.EIO, 'text'), MemoryError(), ImportError('text')]
)
def test_wherever_it_is_raised_it_is_one_line(capsys, error):
  """Also before JAX is imported, outside of every block that expects it."""

  def action():
    raise error

  assert exits._code_of(action) == 71
  assert len(capsys.readouterr().err.splitlines()) == 1


RUN = (
  '--config=configs/mnist.py:batch_norm', '--config.dataset.name=digits',
  '--config.train_for=4 steps', '--config.checkpoint_every=2 steps',
  '--config.log_every=2 steps', '--config.population_batches=1',
)  # fmt: skip
# Programs that read a workdir, as words after `python -m`.
PROGRAMS = {
  'train': lambda w: ('bn_repro', f'--workdir={w}', *RUN, '--config.train_for=6 steps'),
  'evaluate': lambda w: ('bn_repro.evaluate', f'--workdir={w}'),
  'export': lambda w: ('bn_repro.export', f'--workdir={w}', f'--output={w}/file'),
}
CALLS = ('openat', 'stat,statx,newfstatat,lstat', 'read,pread64')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
  """A run that was trained for four steps and is finished."""
  made = tmp_path_factory.mktemp('trained') / 'run'
  words = ['bn_repro', f'--workdir={made}', *RUN]
  result = subprocess.run(
    [sys.executable, '-m', *words], cwd=PROJECT, env=clean_environment(), text=True,
    capture_output=True,
  )  # fmt: skip
  assert result.returncode == 0, result.stderr
  (made / 'summary.json').unlink()
  return made


def files_of_a_run(workdir):
  """The files of the newest checkpoint that are read, and those of the run."""
  newest = workdir / 'checkpoints' / '4'
  data = sorted(path for path in newest.rglob('d/*') if path.is_file())
  return [
    workdir / 'config.json', workdir / 'metrics.jsonl', newest / 'seal' / 'metadata',
    newest / 'state' / '_METADATA', newest / 'state' / 'manifest.ocdbt', *data[:2],
  ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.reliability
@pytest.mark.skipif(not shutil.which('strace'), reason='needs strace')
@pytest.mark.parametrize('program', PROGRAMS)
def test_errors_of_the_kernel_in_every_program(
  tmp_path, trained, program, record_property
):
  """Each error in each call for each file: 71 and nothing lost, or no harm at all."""
  number = harmful = 0
  for original in files_of_a_run(trained):
    for code in ('EIO', 'ESTALE', 'EACCES', 'EMFILE'):
      for calls in CALLS:
        workdir = tmp_path / str(number)
        shutil.copytree(trained, workdir)
        path = workdir / original.relative_to(trained)
        problem = what_is_wrong(PROGRAMS[program](workdir), workdir, path, calls, code)
        if problem:
          harmful += 1
          print(program, path.relative_to(workdir), calls, code, problem)
        number += 1
        shutil.rmtree(workdir)
  record_property('faults', (f'an error of the kernel: {program}', number, harmful))
  assert not harmful


def what_is_wrong(words, workdir, path, calls, code):
  """What a program did wrong under strace's errors; empty if it did right."""
  before = contents(workdir)
  inject = f'inject={calls}:error={code}'
  traced = ['strace', '-f', '-qq', '-o', '/dev/null', '-P', str(path), '-e', inject]
  result = subprocess.run(
    [*traced, sys.executable, '-m', *words], cwd=PROJECT, env=clean_environment(),
    text=True, capture_output=True, timeout=300,
  )  # fmt: skip
  if result.returncode == 0:  # it can do without that call
    return 'called damaged' if 'damaged' in result.stderr else ''
  kept = (p for p in before if p.name != 'lock' and 'tfevents' not in p.name)
  after = contents(workdir)
  lost = [p.name for p in kept if after.get(p) != before[p]]
  if result.returncode != 71 or 'Traceback' in result.stderr or lost:
    return f'{result.returncode} {result.stderr[-500:]} {lost}'
  return ''

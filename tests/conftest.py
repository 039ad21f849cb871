"""Settings of the whole suite: eight CPU devices, strict promotion, checked shapes.

Set before JAX is imported. Strict promotion turns an unnoticed change of dtype
or an unnoticed broadcast into an error.

TESTS_ON=cuda runs chosen tests on the devices of that platform of JAX, as
scripts/gpu_check.py does; tests that need several devices fail on one.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

# What one program that a test starts has compiled, no other compiles again: the workers
# of pytest-xdist inherit the folder of the process that starts them. It goes with the
# session, for a program that is killed may leave half a file there.
os.environ['JAX_COMPILATION_CACHE_DIR'] = (
  os.environ['JAX_COMPILATION_CACHE_DIR']
  if 'PYTEST_XDIST_WORKER' in os.environ
  else tempfile.mkdtemp(prefix='compiled_by_tests_')
)
os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0.3'
os.environ['JAX_PLATFORMS'] = os.environ.get('TESTS_ON', 'cpu')
os.environ['XLA_FLAGS'] = (
  '' if 'TESTS_ON' in os.environ else '--xla_force_host_platform_device_count=8'
)
# Programs that tests start share a GPU with them.
os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'

import hypothesis
import jax
import jaxtyping
import pytest

# Calls of these check the shapes and dtypes that their types state. Not the networks:
# the hook would check fields of Flax modules, too. `BatchNorm` checks its arguments
# itself. A process that a test starts checks no types.
CHECKED = (
  'batch_norm.transform', 'batch_norm.alternatives', 'batch_norm.fold',
  'data.crops', 'data.distort', 'data.order', 'data.sampler',
)  # fmt: skip
jaxtyping.install_import_hook(
  [f'bn_repro.{module}' for module in CHECKED],
  'beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))',
)

import forked  # noqa: E402
from support import small_config  # noqa: E402  # imports some of these modules

TESTS = Path(__file__).parent
# What the tests compile in their own processes is kept for the next session.
COMPILED = TESTS.parent / '.pytest_cache' / 'compiled'
DAYS_KEPT = 14
# Files that compile much and run it once, and train by no `loop.train`.
QUICKLY_COMPILED = (
  'analysis', 'evaluate/test_crops.py', 'models', 'training/test_evaluator',
  'training/test_parallel.py',
)  # fmt: skip
LONG = ('end_to_end', 'reliability', 'training')  # rooms with files of a minute or two

jax.config.update('jax_compilation_cache_dir', str(COMPILED))
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)
jax.config.update('jax_numpy_dtype_promotion', 'strict')
jax.config.update('jax_numpy_rank_promotion', 'raise')
if 'TESTS_ON' in os.environ:
  # Tolerances are those of float32; a GPU multiplies in TF32 unless it is told not to.
  jax.config.update('jax_default_matmul_precision', 'highest')
# How long one example takes depends on what else the machine does.
hypothesis.settings.register_profile('no deadline', deadline=None)
hypothesis.settings.load_profile('no deadline')


def pytest_configure():
  oldest = time.time() - DAYS_KEPT * 24 * 60 * 60
  for path in COMPILED.glob('*'):
    with contextlib.suppress(FileNotFoundError):  # another worker was quicker
      if path.stat().st_mtime < oldest:
        path.unlink()


def pytest_collection_modifyitems(items):
  """Long files come first: a long one that begins last keeps one worker alone."""
  room = lambda item: item.path.relative_to(TESTS).parts[0]
  items.sort(key=lambda item: room(item) not in LONG)


def pytest_unconfigure():
  if 'PYTEST_XDIST_WORKER' not in os.environ:
    shutil.rmtree(os.environ['JAX_COMPILATION_CACHE_DIR'], ignore_errors=True)


def pytest_runtest_setup(item):
  for mark in item.iter_markers('fault'):
    item.user_properties.append(('faults', (mark.args[0], 1, 0)))


@pytest.fixture(autouse=True)
def no_watch():
  """One left in this process would end it at a signal that a later test raises."""
  yield
  assert signal.set_wakeup_fd(-1) == -1, 'patch watch.start, or start a program'


@pytest.fixture(scope='module', autouse=True)
def compiler(request):
  """XLA's, without most optimizations where the programs of a file run once."""
  is_quick = str(request.path.relative_to(TESTS)).startswith(QUICKLY_COMPILED)
  with quickly_compiled() if is_quick else contextlib.nullcontext():
    yield


@pytest.fixture
def quick_compiler():
  """The same for a test whose programs run once."""
  with quickly_compiled():
    yield


@contextlib.contextmanager
def quickly_compiled():
  """Within the block XLA leaves out most optimizations."""
  name = 'jax_disable_most_optimizations'
  before = jax.config.values[name]
  jax.config.update(name, True)
  try:
    yield
  finally:
    jax.config.update(name, before)


@pytest.fixture(scope='session')
def forks(tmp_path_factory):
  """A Python for programs that start programs, and their variables: `forked.python`."""
  with forked.python(tmp_path_factory.mktemp('forks') / 'environment') as python:
    yield python


@pytest.fixture
def float64():
  """Double precision for one test."""
  with jax.enable_x64(True):
    yield


@pytest.fixture
def config():
  """The normalized network on the embedded digits, in 40 steps."""
  return small_config('batch_norm')

"""Settings of the whole suite: eight CPU devices, strict promotion, checked shapes.

Set before JAX is imported. Strict promotion turns an unnoticed change of dtype
or an unnoticed broadcast into an error.
"""

import os
import shutil
import tempfile

# What one test has compiled, no other compiles again, in this process or another: the
# workers of pytest-xdist inherit the folder of the process that starts them.
os.environ['JAX_COMPILATION_CACHE_DIR'] = (
  os.environ['JAX_COMPILATION_CACHE_DIR']
  if 'PYTEST_XDIST_WORKER' in os.environ
  else tempfile.mkdtemp(prefix='compiled_by_tests_')
)
os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0.3'
os.environ['JAX_PLATFORMS'] = 'cpu'
os.environ['XLA_FLAGS'] = '--xla_force_host_platform_device_count=8'

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

from support import small_config  # noqa: E402  # imports some of these modules

jax.config.update('jax_numpy_dtype_promotion', 'strict')
jax.config.update('jax_numpy_rank_promotion', 'raise')
# How long one example takes depends on what else the machine does.
hypothesis.settings.register_profile('no deadline', deadline=None)
hypothesis.settings.load_profile('no deadline')


def pytest_unconfigure():
  if 'PYTEST_XDIST_WORKER' not in os.environ:
    shutil.rmtree(os.environ['JAX_COMPILATION_CACHE_DIR'], ignore_errors=True)


def pytest_runtest_setup(item):
  for mark in item.iter_markers('fault'):
    item.user_properties.append(('faults', (mark.args[0], 1, 0)))


@pytest.fixture
def float64():
  """Double precision for one test."""
  with jax.enable_x64(True):
    yield


@pytest.fixture
def config():
  """The normalized network on the embedded digits, in 40 steps."""
  return small_config('batch_norm')

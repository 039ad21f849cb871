"""Compiled programs are kept where the user's caches are, and only there."""

import jax
import pytest

from bn_repro.run import compilation, places
from support import FEW_STEPS, as_flags, program

MLP = ('--config=configs/mnist.py:batch_norm', *as_flags(FEW_STEPS))


@pytest.fixture
def cache(tmp_path, monkeypatch):
  """The user's cache folder; JAX has none set during the test."""
  monkeypatch.setattr(compilation.fragments, 'settle_after_compiling', lambda: None)
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  monkeypatch.delenv('JAX_COMPILATION_CACHE_DIR', raising=False)
  before = jax.config.jax_compilation_cache_dir
  jax.config.update('jax_compilation_cache_dir', None)
  yield tmp_path / 'cache' / 'bn_repro' / 'compiled'
  jax.config.update('jax_compilation_cache_dir', before)


def test_they_are_kept_by_kind_of_processor(cache):
  compilation.keep()
  (folder,) = cache.iterdir()
  assert jax.config.jax_compilation_cache_dir == str(folder)


def test_a_program_for_one_core_is_not_taken_on_two(cache, monkeypatch):
  """XLA splits a loop by the cores that it is compiled on, and JAX's key lacks them."""
  for number in (1, 2, 2):
    monkeypatch.setattr(compilation.devices, 'cores', lambda: range(number))  # noqa: B023
    jax.config.update('jax_compilation_cache_dir', None)
    compilation.keep()
  assert len([*cache.iterdir()]) == 2


def test_a_folder_that_the_user_has_set_stays(cache, tmp_path):
  jax.config.update('jax_compilation_cache_dir', str(tmp_path / 'mine'))
  compilation.keep()
  assert jax.config.jax_compilation_cache_dir == str(tmp_path / 'mine')
  assert not cache.exists()


def test_a_folder_that_cannot_be_made_is_done_without(cache, tmp_path):
  (tmp_path / 'cache').mkdir()
  (tmp_path / 'cache' / 'bn_repro').write_text('in the way')
  compilation.keep()
  assert jax.config.jax_compilation_cache_dir is None


def test_a_user_without_a_home_does_without(cache, monkeypatch):
  """As in a container that is run with a number instead of a user."""
  monkeypatch.delenv('XDG_CACHE_HOME')
  monkeypatch.setattr(places, 'home', lambda: None)
  compilation.keep()
  assert jax.config.jax_compilation_cache_dir is None


def test_the_folder_of_jax_may_begin_at_home(cache, tmp_path, monkeypatch):
  """JAX itself would make one that is called ~."""
  monkeypatch.setenv('HOME', str(tmp_path))
  monkeypatch.setenv('JAX_COMPILATION_CACHE_DIR', '~/mine')
  compilation.keep()
  assert jax.config.jax_compilation_cache_dir == str(tmp_path / 'mine')


@pytest.mark.slow
def test_a_second_start_compiles_nothing_that_the_first_has(tmp_path, monkeypatch):
  """And a third, whose cache is damaged, compiles again instead of failing."""
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  monkeypatch.delenv('JAX_COMPILATION_CACHE_DIR')
  # Else what is kept depends on how busy the machine is.
  monkeypatch.setenv('JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS', '0')
  found = []
  for number in range(3):
    assert program(*MLP, f'--workdir={tmp_path / str(number)}').returncode == 0
    found.append(sorted((tmp_path / 'cache').rglob('*-cache')))
    for path in found[-1] if number == 1 else ():
      path.write_bytes(path.read_bytes()[:100])
  assert found[0] == found[1] == found[2] != []

"""The same config gives the same bits, whatever JAX is set to around it."""

import itertools
import json
import subprocess
import sys

import jax
import pytest
from host_program import SHORT, parameters_of

from bn_repro.run import settings
from bn_repro.run.errors import UserError
from support import FEW_STEPS, PROJECT, as_flags, clean_environment, program

# For each setting a value that is not the one needed; first those that matter most.
OTHERS = {
  'jax_default_prng_impl': 'rbg',
  'jax_threefry_partitionable': False,
  'jax_random_seed_offset': 1,
  'jax_enable_x64': True,
  'jax_default_matmul_precision': 'bfloat16',
  'jax_disable_jit': True,
  'jax_debug_nans': True,
  'jax_debug_infs': True,
  'jax_disable_most_optimizations': True,
  'jax_explicit_x64_dtypes': 'allow',
  'jax_softmax_custom_jvp': True,
  'jax_high_dynamic_range_gumbel': True,
  'jax_enable_custom_prng': True,
  'jax_allow_f16_reductions': False,
  'jax_debug_key_reuse': True,
  'jax_use_hlo_logistic_lowering': True,
  'jax_accurate_erf_inv': True,
  'jax_safer_randint': False,
  'jax_default_dtype_bits': '32',
  'jax_threefry_gpu_kernel_lowering': True,
  'jax_optimization_level': 'O0',
  'jax_exec_time_optimization_effort': -1.0,
  'jax_memory_fitting_level': 'O0',
  'jax_memory_fitting_effort': -1.0,
  'jax_compiler_enable_remat_pass': False,
  'jax_enable_pgle': True,
  'jax_no_tracing': True,
  'jax_no_execution': True,
  'jax_transfer_guard': 'disallow',
  'jax_transfer_guard_host_to_device': 'disallow',
  'jax_transfer_guard_device_to_host': 'disallow',
  'jax_transfer_guard_device_to_device': 'disallow',
}
HERE = {name: value for name, value in OTHERS.items() if name in jax.config.values}
MLP = (
  '--config=configs/mnist.py:batch_norm',
  *as_flags(FEW_STEPS | SHORT),
)


def rows_of_pairs() -> list[dict]:
  """Choices of fifteen settings in which each pair is met off and on, all four ways.

  Column i is on in the i-th four of rows 1 to 6: two fours of six always share a row,
  and each has one that the other has not; row 0 is all off (Kleitman and Spencer 1973).
  """
  columns = dict(zip(HERE, itertools.combinations(range(1, 7), 4)))
  return [
    {name: HERE[name] for name, rows in columns.items() if row in rows}
    for row in range(7)
  ]


def test_every_pair_is_met_in_all_four_ways():
  rows = rows_of_pairs()
  names = list(itertools.islice(HERE, 15))
  for one, other in itertools.combinations(names, 2):
    assert len({(one in row, other in row) for row in rows}) == 4


@pytest.mark.slow
def test_a_host_program_gets_the_same_bits_whatever_it_has_set():
  rows = rows_of_pairs()
  result = subprocess.run(
    [sys.executable, PROJECT / 'tests' / 'host_program.py'],
    input=json.dumps(rows), cwd=PROJECT, capture_output=True, text=True, timeout=300,
    env=clean_environment() | {'PYTHONPATH': f'{PROJECT}:{PROJECT / "tests"}'},
  )  # fmt: skip
  assert result.returncode == 0, result.stderr
  parameters = result.stdout.splitlines()
  assert len(parameters) == len(rows) and len(set(parameters)) == 1
  assert result.stderr.count('warning: set aside') == len(rows) - 1


def test_a_shell_gets_the_same_bits_whatever_it_has_set(tmp_path):
  chosen = list(itertools.islice(HERE.items(), 15))
  shell = {name.upper(): str(value) for name, value in chosen}
  for name, environment in (('plain', {}), ('odd', shell)):
    result = program(*MLP, f'--workdir={tmp_path / name}', **environment)
    assert result.returncode == 0, result.stderr
  assert 'warning: set aside' in result.stderr
  assert all(f'{name}=' in result.stderr for name, _ in chosen)
  assert parameters_of(tmp_path / 'plain') == parameters_of(tmp_path / 'odd')


def test_within_a_context_manager_of_jax_it_is_refused():
  refused = pytest.raises(UserError, match='jax_enable_x64 to True')
  with jax.enable_x64(True), refused, settings.fixed():
    pass
  with jax.enable_x64(False), settings.fixed():
    pass


def test_every_setting_that_is_needed_has_its_value_within_and_not_after():
  before = dict(jax.config.values)
  jax.config.update('jax_debug_nans', True)
  with settings.fixed():
    assert not jax.config.values['jax_debug_nans']
  assert jax.config.values['jax_debug_nans']
  jax.config.update('jax_debug_nans', False)
  assert jax.config.values == before


def test_what_is_not_set_is_recorded(monkeypatch):
  before = settings.recorded()
  monkeypatch.setenv('XLA_FLAGS', '--xla_cpu_enable_fast_math=true --xla_dump_to=/tmp')
  monkeypatch.setenv('NVIDIA_TF32_OVERRIDE', '1')
  now = settings.recorded()
  assert now['XLA_FLAGS'] == '--xla_cpu_enable_fast_math=true'
  assert len(settings.differences(before, now)) == 2
  assert settings.differences(now, before)[0] == "NVIDIA_TF32_OVERRIDE='' ('1' before)"


def test_flags_that_change_no_bits_are_not(monkeypatch):
  monkeypatch.setenv('XLA_FLAGS', '--xla_force_host_platform_device_count=4')
  before = settings.recorded()
  monkeypatch.delenv('XLA_FLAGS')
  assert settings.differences(before, settings.recorded()) == []


def test_flags_in_a_file_are_recorded(monkeypatch, tmp_path):
  (tmp_path / 'flags').write_text('--xla_cpu_enable_fast_math=true\n')
  monkeypatch.setenv('XLA_FLAGS', str(tmp_path / 'flags'))
  assert settings.recorded()['XLA_FLAGS'] == '--xla_cpu_enable_fast_math=true'


def test_a_setting_that_only_one_version_has_is_no_difference():
  assert settings.differences({'jax_old': '1'}, {'jax_new': '2'}) == []
  assert settings.differences({'jax_both': '1'}, {'jax_both': '2'}) == [
    "jax_both='2' ('1' before)"
  ]


def test_other_values_are_known_for_every_setting_that_is_needed():
  assert OTHERS.keys() == settings.NEEDED.keys()

"""JAX's settings and the environment: what a number depends on besides the config.

Whatever changes bits and has one right value is set here, so that a config gives the
same bits in every shell and in every host program. The rest is recorded. A setting that
only checks, logs or caches is left alone, and so are dtype and rank promotion.
"""

import contextlib
import enum
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax

from bn_repro.run import errors
from bn_repro.run.errors import UserError

# The defaults of jax 0.8 to 0.12, all the same. A version has most of them.
NEEDED = {
  # Random numbers.
  'jax_default_prng_impl': 'threefry2x32',
  'jax_threefry_partitionable': True,
  'jax_threefry_gpu_kernel_lowering': False,
  'jax_random_seed_offset': 0,
  'jax_safer_randint': True,
  'jax_high_dynamic_range_gumbel': False,
  'jax_accurate_erf_inv': False,
  'jax_enable_custom_prng': False,
  'jax_debug_key_reuse': False,
  # Precision.
  'jax_enable_x64': False,
  'jax_explicit_x64_dtypes': 'warn',
  'jax_default_dtype_bits': '64',
  'jax_default_matmul_precision': None,
  'jax_allow_f16_reductions': True,
  'jax_softmax_custom_jvp': False,
  'jax_use_hlo_logistic_lowering': None,
  # Whether and how well programs are compiled.
  'jax_debug_nans': False,
  'jax_debug_infs': False,
  'jax_disable_jit': False,
  'jax_no_tracing': False,
  'jax_no_execution': False,
  'jax_disable_most_optimizations': False,
  'jax_optimization_level': 'UNKNOWN',
  'jax_exec_time_optimization_effort': 0.0,
  'jax_memory_fitting_level': 'O2',
  'jax_memory_fitting_effort': 0.0,
  'jax_compiler_enable_remat_pass': True,
  'jax_enable_pgle': False,
  # Stop a run that copies what it needs to the device and back.
  'jax_transfer_guard': None,
  'jax_transfer_guard_host_to_device': None,
  'jax_transfer_guard_device_to_host': None,
  'jax_transfer_guard_device_to_device': None,
}
# Change no bits, or show in the name and number of the devices.
_HARMLESS = re.compile(
  r'check_vma|jax2tf_.*|mock_.*|jax_('
  r'array_garbage_.*|auto_pcast|bcoo_.*|captured_.*|check_.*|collectives_common_.*|'
  r'compilation_cache_.*|compiler_detailed_.*|cpu_enable_async_.*|cpu_get_.*|'
  r'cross_host_.*|custom_vjp_disable_.*|debug_le.*|debug_log_.*|disable_bwd_.*|'
  r'disable_vmap_.*|disallow_.*|distributed_.*|dump_.*|enable_checks|'
  r'enable_compilation_.*|enable_preemption_.*|enable_recover.*|error_checking_.*|'
  r'experimental_unsafe_.*|explain_.*|export_.*|force_dcn_.*|hlo_source_.*|include_.*|'
  r'legacy_prng_key|log_.*|logging_.*|mock_.*|mosaic_.*|mtls_.*|mutable_array_.*|'
  r'num_cpu_devices|numpy_.*_promotion|pallas_.*|persistent_cache_.*|pgle_.*|'
  r'platforms|platform_name|pprint_.*|ragged_dot_.*|raise_.*|remove_custom_.*|'
  r'remove_size_.*|send_traceback_.*|serialization_.*|share_binary_.*|source_url_.*|'
  r'thread_guard|trace.*|use_cpp_.*|use_emit_.*|use_magma|'
  r'.*_visible_devices)'
)
# Variables that the libraries below JAX read.
_VARIABLES = re.compile(
  r'XLA_FLAGS|LIBTPU_INIT_ARGS|NPROC|NVIDIA_TF32_OVERRIDE|TF_CUDNN_.*|TF_CUBLAS_.*|'
  r'(CUBLAS|CUDNN|MIOPEN|HIPBLASLT|ROCBLAS|ONEDNN|DNNL|NPY)_.*'
)
_HARMLESS_FLAGS = re.compile(
  r'--xla_(force_host_platform_device_count|dump_.*|gpu_cuda_data_dir|.*_verbosity|'
  r'hlo_profile|gpu_force_compilation_parallelism)(=.*)?'
)


@contextlib.contextmanager
def fixed() -> Iterator[None]:
  """Gives JAX, within the block, the settings that the numbers were made with.

  A line says which others are set aside. Also a decorator.

  Raises:
    UserError: the calling program is inside a context manager of JAX, such as
      `jax.enable_x64(True)`, which has the last word.
  """
  of_process = _values_of_process()
  _check_no_context(of_process)
  others = {
    name: of_process[name]
    for name, value in NEEDED.items()
    if name in of_process and _plain(of_process[name]) != value
  }
  if others:
    listed = ', '.join(f'{name}={_plain(value)}' for name, value in others.items())
    text = f'warning: set aside, as the run would not be the same: {listed}'
    print(errors.line(text), file=sys.stderr)
  _update({name: NEEDED[name] for name in others})
  try:
    yield
  finally:
    _update(others)


def recorded() -> dict[str, str]:
  """Every other setting and variable that may change bits, by name.

  Settings of JAX that this file does not know are among them.
  """
  settings = {
    name: str(value)
    for name, value in sorted(jax.config.values.items())
    if name not in NEEDED and not _HARMLESS.fullmatch(name)
  }
  variables = {
    name: _flags(value) if name == 'XLA_FLAGS' else value
    for name, value in sorted(os.environ.items())
    if _VARIABLES.fullmatch(name)
  }
  return settings | {name: value for name, value in variables.items() if value}


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
  """Such as "XLA_FLAGS='--xla_x' ('' before)": of `recorded` at two starts."""
  names = sorted(before.keys() | now.keys())
  return [
    f'{name}={now.get(name, "")!r} ({before.get(name, "")!r} before)'
    for name in names
    # A setting that one version of JAX lacks is no setting of the user.
    if (name in before and name in now) or _VARIABLES.fullmatch(name)
    if before.get(name, '') != now.get(name, '')
  ]


def _values_of_process() -> dict[str, Any]:
  """What jax.config holds apart from the context managers of this thread."""
  values = {}
  thread = threading.Thread(target=lambda: values.update(jax.config.values))
  thread.start()
  thread.join()
  return values


def _check_no_context(of_process: Mapping[str, Any]) -> None:
  for name, value in jax.config.values.items():
    is_of_context = name in NEEDED and value != of_process[name]
    if is_of_context and _plain(value) != NEEDED[name]:
      raise UserError(
        f'the calling program is inside a context manager of JAX that sets {name} to '
        f'{_plain(value)!r}, with which the numbers would be others; leave it first'
      )


def _plain(value: Any) -> Any:
  return value.name.lower() if isinstance(value, enum.Enum) else value


def _update(values: Mapping[str, Any]) -> None:
  for name, value in values.items():
    jax.config.update(name, value)
  if values:  # or functions that were traced before would stay what they were
    jax.clear_caches()


def _flags(text: str) -> str:
  """Those flags of XLA_FLAGS, or of the file that it names, which may change bits."""
  with contextlib.suppress(OSError, ValueError):
    if not text.lstrip().startswith('-') and Path(text).is_file():
      text = Path(text).read_text()
  return ' '.join(f for f in text.split() if not _HARMLESS_FLAGS.fullmatch(f))

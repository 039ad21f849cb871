"""Two processes of two devices train as one process of four does."""

import socket

import jax
import numpy as np
import pytest

import forked
from bn_repro.run.checkpoint import restore_newest
from support import (
  FEW_STEPS,
  TIMES,
  as_flags,
  clean_environment,
  metrics_of,
  program,
  summary_of,
)

SETTINGS = FEW_STEPS | {'batch_size': 64, 'num_devices': 0, 'momentum': 0.9}
# Examples that are normalized together: those of a device, of two, all.
GROUPS = [16, 32, 0]


def devices(number: int) -> dict[str, str]:
  """The environment of a process with so many fake devices."""
  flags = f'--xla_force_host_platform_device_count={number}'
  return clean_environment() | {'XLA_FLAGS': flags, 'JAX_PLATFORMS': 'cpu'}


def start(flags: list[str], workdir, process: int, port: int, how=forked.start):
  """One of two processes of a run."""
  words = [
    '-m', 'bn_repro', '--config=configs/mnist.py:batch_norm', f'--workdir={workdir}',
    f'--coordinator=127.0.0.1:{port}', '--num_processes=2', f'--process_id={process}',
  ]  # fmt: skip
  return how([*words, *flags], env=devices(2))


def free_port() -> int:
  """A port of this machine that nobody listens on."""
  with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    return probe.getsockname()[1]


@pytest.mark.slow
@pytest.mark.parametrize('group', GROUPS, ids=['per device', 'grouped', 'global'])
def test_two_processes_are_one(tmp_path, group):
  """Same losses, accuracies and parameters, to float32 rounding."""
  flags = as_flags(SETTINGS | {'model.normalization_group': group})
  one = program(
    '--config=configs/mnist.py:batch_norm', f'--workdir={tmp_path / "one"}', *flags,
    **devices(4),
  )  # fmt: skip
  assert one.returncode == 0, one.stderr
  port = free_port()
  pair = [start(flags, tmp_path / 'two', process, port) for process in (0, 1)]
  outputs = [process.communicate(timeout=300) for process in pair]
  assert [process.returncode for process in pair] == [0, 0], outputs
  spoken = ['written' in output for output, _ in outputs]
  assert spoken == [True, False]
  together, alone = (metrics_of(tmp_path / name) for name in ('two', 'one'))
  assert [line['step'] for line in together] == [0, 10, 20, 30, 40]
  for left, right in zip(together, alone, strict=True):
    for tag in right.keys() - set(TIMES):
      np.testing.assert_allclose(left[tag], right[tag], rtol=2e-4, atol=1e-4)
  assert summary_of(tmp_path / 'two')['device'].startswith('4 x cpu')
  left, right = (restore_newest(tmp_path / name).arrays for name in ('two', 'one'))
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)
  jax.tree.map(close, left, right)


@pytest.mark.slow
def test_processes_of_different_configs_are_refused(tmp_path):
  """Or each would train a network of its own; nothing is begun."""
  flags, port = as_flags(SETTINGS), free_port()
  more = [], ['--config.seed=7']
  pair = [start([*flags, *more[i]], tmp_path / 'two', i, port) for i in (0, 1)]
  outputs = [process.communicate(timeout=300) for process in pair]
  assert [process.returncode for process in pair] == [2, 2], outputs
  said = outputs[1][1].splitlines()[-1]
  assert 'differ in seed (7 here, 0 there); give all of them the same' in said
  assert not (tmp_path / 'two' / 'config.json').exists()


def test_flags_of_processes_come_together(tmp_path):
  result = program(
    '--config=configs/mnist.py', f'--workdir={tmp_path}', '--num_processes=2',
    *as_flags({'dataset.name': 'digits'}),
  )  # fmt: skip
  assert result.returncode == 2
  assert result.stderr.startswith('error: processes are named by --coordinator')
  assert len(result.stderr.splitlines()) == 1

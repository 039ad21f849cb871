"""Two processes of two devices train as one process of four does."""

import socket

import jax
import numpy as np
import pytest

import forked
from bn_repro.data import sampler
from bn_repro.run.checkpoint import restore_newest
from data.prepared import NUM_CLASSES, examples, prepare
from reliability import killing
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
PROGRAM = '-m', 'bn_repro', '--config=configs/mnist.py:batch_norm'
# Examples that are normalized together: those of a device, of two, all.
GROUPS = [16, 32, 0]


def devices(number: int) -> dict[str, str]:
  """The environment of a process with so many fake devices, quickly compiled."""
  flags = f'--xla_force_host_platform_device_count={number} {forked.QUICK["XLA_FLAGS"]}'
  return clean_environment() | {'XLA_FLAGS': flags, 'JAX_PLATFORMS': 'cpu'}


def start(
  flags: list[str], workdir, process: int, port: int, how=forked.start, program=PROGRAM
):
  """One of two processes of a run."""
  words = [
    *program, f'--workdir={workdir}',
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


# An Inception of the rows in ONLY_ROWS, on images some of which cannot be read. Of 8
# examples in a row, the first 4 are the first process's.
OF_ROWS = (killing.VICTIM, 0, *killing.NEVER[:2], '--config=configs/bn_x5.py:digits')
UNREADABLE = (1, 5, 6, 12)
PHOTOGRAPHS = {
  'dataset.name': 'made', 'dataset.size': 16, 'dataset.num_classes': NUM_CLASSES,
  'dataset.workers': 0, 'dataset.on_corrupt': 'skip', 'model.width': 0.0625,
  'model.normalization_group': 0, 'batch_size': 8, 'evaluation_batch_size': 8,
  'num_devices': 0, 'population_batches': 2, 'train_for': '6 steps',
  'log_every': '2 steps', 'evaluate_every': '6 steps', 'checkpoint_every': '6 steps',
}  # fmt: skip


@pytest.fixture
def photographs(tmp_path, monkeypatch):
  """Where the images are, and which rows there are."""
  halves = [examples(number, broken=UNREADABLE) for number in (24, 16)]
  prepare(tmp_path / 'data', 'made', *halves)
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'data'))
  monkeypatch.setenv('ONLY_ROWS', '5b')


def skipped_in(steps: range) -> list[int]:
  """In the share of the first process, and in that of the second."""
  order = sampler.example_indices(0, range(9), 8, 24).ravel()
  is_broken = np.isin(order, UNREADABLE)
  ahead = [np.argmin(is_broken[8 * steps.start + i :]) for i in range(8 * len(steps))]
  return np.reshape(ahead, (-1, 2, 4)).sum((0, 2)).tolist()


@pytest.mark.slow
@pytest.mark.parametrize('feed', ['stream', 'resident'])
def test_images_skipped_by_any_process_are_counted_once(tmp_path, photographs, feed):
  """Each process streams its share alone; resident images every one reads whole."""
  flags, port = as_flags(PHOTOGRAPHS | {'dataset.feed': feed}), free_port()
  pair = [start(flags, tmp_path, i, port, program=OF_ROWS) for i in (0, 1)]
  outputs = [process.communicate(timeout=600) for process in pair]
  assert [process.returncode for process in pair] == [0, 0], outputs
  lines = metrics_of(tmp_path)
  assert [line['step'] for line in lines] == [0, 2, 4, 6]
  shares = [skipped_in(range(start, start + 2)) for start in (0, 2, 4)]
  assert all(second > 0 for _, second in shares)
  in_training = [sum(share) for share in shares] if feed == 'stream' else 3 * [4]
  assert [line.get('data/skipped_images') for line in lines] == [None, *in_training]
  assert [line.get('data/skipped_test_images') for line in lines] == [4, None, None, 4]


def test_flags_of_processes_come_together(tmp_path):
  result = program(
    '--config=configs/mnist.py', f'--workdir={tmp_path}', '--num_processes=2',
    *as_flags({'dataset.name': 'digits'}),
  )  # fmt: skip
  assert result.returncode == 2
  assert result.stderr.startswith('error: processes are named by --coordinator')
  assert len(result.stderr.splitlines()) == 1

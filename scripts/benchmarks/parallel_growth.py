"""Seconds of a training step as the same mini-batch is split over more devices.

BN-x5, narrow, on 64 images of 8x8, normalized globally and per device; the two differ
by the collectives of BN. The devices are parts of one CPU and share its cores: what the
curve shows is the price of communication. Programs alternate, in one process. About 13
minutes on two CPU cores, nearly all of it to compile:

python scripts/benchmarks/parallel_growth.py
"""

import statistics
import timeit
from argparse import Namespace

import harness
import jax
import ratios
from subjects import inception
from subjects.noise import Step

from bn_repro.run import provenance

BATCH, WIDTH = 64, 0.0625
STEPS = 4
PER_DEVICE, _ = NORMALIZATIONS = ('per device', 'global')


def options(add) -> None:
  add('--devices', type=int, nargs='+', default=(1, 2, 4, 8), help='(1 2 4 8)')


def measure(options: Namespace) -> dict:
  jax.config.update('jax_platforms', 'cpu')
  jax.config.update('jax_num_cpu_devices', max(options.devices))
  steps = {
    f'{devices}, {normalization}': step_of(devices, normalization)
    for devices in options.devices for normalization in NORMALIZATIONS
  }  # fmt: skip
  seconds = harness.alternate(
    steps, options.rounds, lambda name: seconds_of_step(steps[name])
  )
  return {
    'device': provenance.device(jax.devices()), 'seconds': seconds,
    'facts': {'width': WIDTH, 'batch': BATCH, 'steps': STEPS},
  }  # fmt: skip


def step_of(devices: int, normalization: str) -> Step:
  """The compiled step; one has been taken."""
  group = BATCH // devices if normalization == PER_DEVICE else 0
  overrides = {'model.width': WIDTH, 'model.normalization_group': group}
  config = inception.config_of(
    'digits', num_devices=devices, batch_size=BATCH, **overrides
  )
  step = Step(inception.experiment_of(config))
  step.run(range(1))  # compiles
  return step


def seconds_of_step(step: Step) -> float:
  """Seconds of a step, after one that another program's threads may still delay."""
  take = lambda: step.run(range(1))
  take()
  return timeit.timeit(take, number=STEPS) / STEPS


def table(content: dict) -> list[dict]:
  """One line for each number of devices."""
  seconds, lines = content['seconds'], []
  for devices in dict.fromkeys(int(name.split(',')[0]) for name in seconds):
    apart, together = (seconds[f'{devices}, {kind}'] for kind in NORMALIZATIONS)
    line = {
      'devices': devices, 'images a device': BATCH // devices,
      'per device, ms': 1e3 * statistics.median(apart),
      'global, ms': 1e3 * statistics.median(together),
    }  # fmt: skip
    lines.append(line | ratios.spread(together, apart, 'slower'))
  return lines


main = harness.Benchmark(
  __doc__, measure, table, (9, 'of some steps of each program'), options
).main

if __name__ == '__main__':
  main()

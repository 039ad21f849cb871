"""Seconds of a training step as the same mini-batch is split over more devices.

BN-x5, narrow, on 64 images of 8x8, normalized globally and per device; the two differ
by the collectives of BN. The devices are parts of one CPU: they share its cores, so
that the curve bends where the cores end. What it shows is the price of communication.
Programs alternate, in one process. About 13 minutes on two CPU cores, nearly all of
it to compile:

python scripts/benchmarks/parallel_growth.py                results/benchmarks
"""

import argparse
import statistics
import time
from collections.abc import Callable

import harness
import jax
import numpy as np
import parallel_subjects

from bn_repro.run import provenance
from bn_repro.training import parallel
from bn_repro.training.step import initial_state, make_step

NAME = 'parallel_growth'
BATCH, WIDTH = 64, 0.0625
STEPS = 4
NORMALIZATIONS = ('per device', 'global')
ABOUT = f"""\
Milliseconds of one step of BN-x5 at {WIDTH:g} of its width on {BATCH} images of 8x8 in
all, split over so many devices of one CPU that share its cores; median of {{rounds}}
rounds of {STEPS} steps. `slower` is global by per device in the same round; on one
device both are one program, so that this row shows the noise."""


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--devices', type=int, nargs='+', default=(1, 2, 4, 8))
  parser.add_argument('--rounds', type=int, default=9)
  options = parser.parse_args()
  jax.config.update('jax_platforms', 'cpu')
  jax.config.update('jax_num_cpu_devices', max(options.devices))
  subjects = {
    (devices, normalization): subject(devices, normalization)
    for devices in options.devices for normalization in NORMALIZATIONS
  }  # fmt: skip
  seconds = harness.alternate(subjects, options.rounds, lambda which: subjects[which]())
  rows = [row(devices, seconds) for devices in options.devices]
  about = ABOUT.format(rounds=options.rounds).replace('\n', ' ')
  rounds = {f'{devices}, {kind}': of for (devices, kind), of in seconds.items()}
  device = provenance.device(jax.devices())
  harness.record(NAME, device, rows, {}, about=about, seconds=rounds)


def subject(devices: int, normalization: str) -> Callable[[], float]:
  """Takes some steps and returns the seconds of one.

  Before them it takes one that does not count: what another program has just computed,
  and its threads, are still in the way.
  """
  config = parallel_subjects.config_of('digits', 0, WIDTH, devices)
  config.batch_size = BATCH
  if normalization == 'per device':
    config.model.normalization_group = BATCH // devices
  experiment = parallel_subjects.experiment_of(config)
  steps = parallel.spread(make_step(experiment), experiment.devices)
  examples = parallel.replicate(experiment.feeds.train.examples, experiment.devices)
  inputs = experiment.feeds.train.inputs(range(1))
  state = initial_state(experiment)

  def take_step():
    nonlocal state
    state, metrics = steps(state, examples, inputs, np.zeros(1, bool))
    jax.block_until_ready((state, metrics))

  def seconds():
    take_step()
    began = time.perf_counter()
    for _ in range(STEPS):
      take_step()
    return (time.perf_counter() - began) / STEPS

  take_step()  # compiles
  return seconds


def row(devices: int, seconds: dict[tuple[int, str], list[float]]) -> dict:
  """One line of the table."""
  apart, together = (seconds[devices, kind] for kind in NORMALIZATIONS)
  slower = harness.spread(together, apart)
  return {
    'devices': devices, 'images a device': BATCH // devices,
    'per device, ms': 1e3 * statistics.median(apart),
    'global, ms': 1e3 * statistics.median(together),
    'slower': slower.pop('ratio'),
  } | slower  # fmt: skip


if __name__ == '__main__':
  main()

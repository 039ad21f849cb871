"""What the processes of `mnist.py` measure: section 4.1's step, trained differently.

A subject is `build(config, examples, options) -> run`; `run(steps)` takes a range of
steps, a multiple of `steps_per_call`, waits for them and returns the loss of the last.
All see the same examples in the same order. `options` has `threads` and `compile_mode`
for PyTorch, and `runs`, how many are side by side.
"""

import importlib
from argparse import Namespace
from collections.abc import Callable

import numpy as np
from ml_collections import ConfigDict
from subjects import speed

from bn_repro.data import sampler
from bn_repro.data.sources import Examples
from configs import mnist

# The file of each.
SUBJECTS = {
  'ours': 'mnist_ours', 'torch_eager': 'mnist_torch', 'torch_compile': 'mnist_torch',
  'flax_loop': 'mnist_flax', 'floor': 'mnist_floor', 'side_by_side': 'mnist_ours',
}  # fmt: skip
NUM_CLASSES = 10
# Rivals are given their order, one epoch of it over and over.
ORDER_STEPS = 1_000

Run = Callable[[range], float | None]


def order(config: ConfigDict, examples: Examples) -> np.ndarray:
  """`[ORDER_STEPS, batch]` int32, the examples of the first steps."""
  return sampler.example_indices(
    config.seed, range(ORDER_STEPS), config.batch_size, len(examples.labels)
  )


def measure(
  subject: str, data: str, seconds: float, threads=1, runs=1, compile_mode='default'
) -> dict:
  """In a subject's process: both networks, one after the other."""
  with np.load(data) as arrays:
    examples = Examples(**arrays)
  rival = importlib.import_module(f'subjects.{SUBJECTS[subject]}')
  options = Namespace(threads=threads, runs=runs, compile_mode=compile_mode)
  rounds = {
    'device': rival.device(), 'threads': threads if 'torch' in subject else None
  }  # fmt: skip
  for network in mnist.NETWORKS:
    config = mnist.get_config(network)
    every = config.steps_per_call
    run = getattr(rival, subject)(config, examples, options)
    measured = speed.measure(run, every, 2 * every, seconds, every)
    side_by_side = runs if subject == 'side_by_side' else 1
    rounds[network] = {
      'steps_per_second': side_by_side * measured['steps'] / measured['seconds'],
      'steps': measured['steps'],
      'warm_up_seconds': measured['warm_up_seconds'],
      'loss_at_step_300': measured['losses'][1],
    }
  return rounds

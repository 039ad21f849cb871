"""What the processes of `mnist.py` measure: section 4.1's step, trained differently.

A subject is `build(config, examples, options) -> run`; `run(steps)` takes a range of
steps, a multiple of `steps_per_call` of them, waits until they are done and returns
the loss of the last. All see the same examples in the same order. `options` has
`threads` and `compile_mode` for PyTorch, and `runs` for those side by side.
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

NUM_CLASSES = 10
# Rivals get their order ready-made, one epoch of it over and over.
ORDER_STEPS = 1_000

Run = Callable[[range], float | None]


def order(config: ConfigDict, examples: Examples) -> np.ndarray:
  """`[ORDER_STEPS, batch]` int32, the examples of the first steps."""
  return sampler.example_indices(
    config.seed, range(ORDER_STEPS), config.batch_size, len(examples.labels)
  )


def measure(module: str, subject: str, data: str, seconds: float, **options) -> dict:
  """In a subject's process: both networks, one after the other."""
  with np.load(data) as arrays:
    examples = Examples(arrays['images'], arrays['labels'])
  rival = importlib.import_module(f'subjects.{module}')
  build, device = getattr(rival, subject), rival.device()
  threads = options['threads'] if 'torch' in subject else None
  return {'device': device, 'threads': threads} | {
    network: _network(build, network, examples, seconds, Namespace(**options))
    for network in mnist.NETWORKS
  }


def _network(build, network: str, examples, seconds: float, options) -> dict:
  config = mnist.get_config(network)
  every = config.steps_per_call
  run = build(config, examples, options)
  measured = speed.measure(run, every, 2 * every, seconds, every)
  runs = options.runs if build.__name__ == 'side_by_side' else 1
  return {
    'steps_per_second': runs * measured['steps'] / measured['seconds'],
    'steps': measured['steps'],
    'warm_up_seconds': measured['warm_up_seconds'],
    'loss_at_step_300': measured['losses'][1],
  }

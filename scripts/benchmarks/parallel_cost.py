"""Collectives of one training step on eight devices: how many, and how many bytes.

The step is the project's own, of BN-x5 with 32 images a device, normalized per
device, in groups of two devices, or globally. The rivals are the same step with Flax's
layer in place of ours (subjects/inception.py).

Nothing is run: images and weights are shapes only, and eight CPU devices of one machine
will do. The program is read twice: as traced, where each collective still has one
operand and says where it comes from, and as compiled, where XLA's CPU back end has
joined all-reduces that do not wait for each other, up to 256 operands in one. GPU back
ends join too, by rules of their own: they run no more than are traced. About 5 minutes
on two CPU cores:

python scripts/benchmarks/parallel_cost.py

parallel_prediction.py estimates what a collective costs.
"""

import functools
import math
import re
from argparse import Namespace
from itertools import product
from typing import Any, NamedTuple
from unittest import mock

import harness
import jax
import numpy as np
from subjects import inception
from tqdm import tqdm

from bn_repro.run import provenance
from bn_repro.training import parallel
from bn_repro.training.experiment import Experiment
from bn_repro.training.step import OfStep, OnDevices, initial_state, make_step

DEVICES = 8
IMAGES_PER_DEVICE = 32
# How many devices normalize together; 0 for all.
NORMALIZATIONS = {'per device': 1, 'two devices': 2, 'global': 0}
OURS, FLAX, _ = LAYERS = ('ours', 'flax', 'flax exact')
FORWARD, BACKWARD, MEANS = DIRECTIONS = ('forward', 'backward', 'means')

# NAME = TYPE[SIZE]{LAYOUT} OPERATION(OPERANDS), ATTRIBUTES; the type may be a tuple.
# The asynchronous form of an operation is a pair, -start and -done: one collective. The
# type of a start, but for an all-reduce, has inputs too; the CPU back end makes none.
_COLLECTIVE = re.compile(
  r' = (?P<outputs>.*?) (?P<kind>all-reduce|all-gather|all-to-all|reduce-scatter|'
  r'collective-permute)(?:-start)?\((?:.*?op_name="(?P<origin>[^"]*)")?'
)
_ARRAY = re.compile(r'\b(?:pred|[a-z]+(\d+))\[([\d,]*)\]')


class Collective(NamedTuple):
  """One of a program: `operands` arrays of `size` bytes in all on each device."""

  direction: str
  kind: str
  operands: int
  size: int


def options(add) -> None:
  add('--dataset', default='imagenet2012', help='of configs/datasets.py')
  add('--width', type=float, help='factor on every number of filters')


def measure(options: Namespace) -> dict:
  jax.config.update('jax_platforms', 'cpu')
  jax.config.update('jax_num_cpu_devices', DEVICES)
  # Of the machine code, that is: the passes over the program are the same.
  jax.config.update('jax_disable_most_optimizations', True)
  cases = [
    {'normalization': normalization, 'layer': layer}
    | count(experiment_of(options.dataset, normalization, layer, options.width))
    for normalization, layer in tqdm([*product(NORMALIZATIONS, LAYERS)], disable=None)
  ]
  facts = {'devices': DEVICES, 'images': IMAGES_PER_DEVICE}
  return {'device': provenance.device(jax.devices()), 'cases': cases, 'facts': facts}


def experiment_of(
  dataset: str, normalization: str, layer: str = OURS, width: float | None = None
) -> Experiment:
  """BN-x5 on `DEVICES`."""
  config = inception.config_of(
    dataset, num_devices=DEVICES, batch_size=DEVICES * IMAGES_PER_DEVICE
  )
  config.model.normalization_group = NORMALIZATIONS[normalization] * IMAGES_PER_DEVICE
  config.model.width = width or config.model.width
  ours = inception.experiment_of(config)
  return ours if layer == OURS else inception.with_flax(ours, fast=layer == FLAX)


def count(experiment: Experiment) -> dict:
  """The step's collectives as traced and as compiled, and what they are to carry.

  `gradients` and `statistics` are the bytes of all weights and of all moving averages.
  """
  program, state = lowered(experiment)
  bytes_of = lambda tree: sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(tree))
  return {
    # A mean and a variance of each.
    'layers': len(jax.tree.leaves(state.batch_stats)) // 2,
    'gradients': bytes_of(state.params),
    'statistics': bytes_of(state.batch_stats),
    'traced': tally(collectives(program.as_text('hlo', debug_info=True))),
    'compiled': tally(collectives(program.compile().as_text())),
  }


def lowered(experiment: Experiment) -> tuple[jax.stages.Lowered, Any]:
  """The program of one training step, not yet compiled, and its state as shapes."""
  feed, number = experiment.feeds.train, len(experiment.devices)
  on_each = lambda leaf: jax.ShapeDtypeStruct((number, *leaf.shape), leaf.dtype)
  state = jax.eval_shape(functools.partial(initial_state, experiment))
  stays = OnDevices(feed.examples, experiment.hyperparameters)
  on_devices = jax.tree.map(on_each, stays)
  # `spread` keeps what it maps to itself; here that is lowered instead of run.
  lower = lambda *args, pmap=jax.pmap, **options: pmap(*args, **options).lower
  with mock.patch.object(jax, 'pmap', lower):
    steps = parallel.spread(make_step(experiment), experiment.devices)
  of_steps = OfStep(np.ones(1, np.float32), np.ones(1, bool))
  return steps(state, on_devices, feed.inputs(range(1)), of_steps), state


def collectives(program: str) -> list[Collective]:
  """Those of the text of an HLO program, in its order."""
  in_order = []
  for match in _COLLECTIVE.finditer(program):
    sizes = [_bytes(*array.groups()) for array in _ARRAY.finditer(match['outputs'])]
    direction = _direction(match['origin'] or '')
    in_order.append(Collective(direction, match['kind'], len(sizes), sum(sizes)))
  return in_order


def _bytes(bits: str | None, shape: str) -> int:
  return math.prod(map(int, filter(None, shape.split(',')))) * int(bits or 8) // 8


def _direction(origin: str) -> str:
  """By the names of the operations that a collective was joined from."""
  if 'transpose(jvp(' in origin:
    return BACKWARD
  return FORWARD if 'jvp(' in origin else MEANS


def tally(collectives: list[Collective]) -> list[dict]:
  """The number, operands and bytes of each direction and kind."""
  kinds = {}
  for one in collectives:
    kinds.setdefault((one.direction, one.kind), []).append(one)
  return [
    {
      'direction': direction, 'kind': kind, 'number': len(of_kind),
      'operands': sum(one.operands for one in of_kind),
      'bytes': sum(one.size for one in of_kind),
    }
    for (direction, kind), of_kind in sorted(kinds.items())
  ]  # fmt: skip


def table(content: dict) -> list[dict]:
  return [row(case) for case in content['cases']]


def row(case: dict) -> dict:
  """One line of the table."""
  traced = functools.partial(total, case['traced'])
  compiled = {name: total(case['compiled'], name, 'number') for name in DIRECTIONS}
  in_layers = (FORWARD, BACKWARD)
  return (
    {'normalization': case['normalization'], 'layer': case['layer']}
    | {'BN layers': case['layers'], **compiled, 'all': sum(compiled.values())}
    | {f'{d}, a layer, traced': traced(d, 'number') / case['layers'] for d in in_layers}
    | {f'{d}, KB': traced(d, 'bytes') / 1e3 for d in in_layers}
    | {'gradients, MB': case['gradients'] / 1e6}
    | {'statistics, KB': case['statistics'] / 1e3}
  )


def total(tallied: list[dict], direction: str, field: str) -> int:
  """A field of `tally` over all kinds of one direction."""
  return sum(kind[field] for kind in tallied if kind['direction'] == direction)


main = harness.Benchmark(__doc__, measure, table, options=options).main

if __name__ == '__main__':
  main()

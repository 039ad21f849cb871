"""What a training step would take on 8, 64 and 512 GPUs: a model, not a measurement.

Collectives and bytes are those that parallel_cost.py counted; the time to compute is
from results/imagenet_throughput.json if an H200 is in it; the time of a collective is
latency plus bytes over bandwidth, with the constants below.

python scripts/benchmarks/parallel_prediction.py      after parallel_cost.py; a second
"""

import json
import math
from argparse import Namespace
from operator import itemgetter
from typing import NamedTuple

import harness
from parallel_cost import BACKWARD, FORWARD, MEANS, NORMALIZATIONS, OURS, total
from parallel_cost import DEVICES as DEVICES_COUNTED
from parallel_cost import IMAGES_PER_DEVICE as IMAGES

from scripts import imagenet_plan

SIZES = (8, 64, 512)
NODE = 8  # GPUs of a machine
# Bytes a second that a GPU sends to its node, and a node's eight network cards to the
# next: 900 GB/s in both directions, and 8 x 400 Gbit/s (data sheet of the DGX H200).
IN_NODE, BETWEEN_NODES = 450e9, 400e9
ASSUMED_UTILISATION = 0.1


class Way(NamedTuple):
  """How a collective may be done: microseconds once and for each hop; bandwidth used.

  A hop is between GPUs of a node or between nodes.
  """

  algorithm: str
  once: float
  in_node: float
  between_nodes: float
  share: float


# NCCL 2.20's own model, with which it chooses among these: src/graph/tuning.cc, baseLat
# and hwLat, protocols LL (a quarter of the bandwidth), LL128 (0.92 of it) and Simple.
WAYS = (
  Way('ring', 6.6, 0.6, 2.7, 0.25),
  Way('ring', 14.0, 1.9, 4.0, 0.92),
  Way('ring', 8.4, 3.4, 14.0, 1.0),
  Way('tree', 6.8, 0.6, 5.0, 0.25),
  Way('tree', 14.0, 1.25, 8.5, 0.92),
  Way('tree', 0.0, 28.0, 28.0, 1.0),
)
# In a ring over several nodes the least for any hop: an Intel host's, getNetOverhead of
# that file.
POST = 1.0


def measure(options: Namespace) -> dict:
  """Measures nothing: reads what was counted, and what a step takes on one device."""
  counted = json.loads((options.results / 'parallel_cost.json').read_text())
  compute, source = seconds_to_compute()
  return {
    'device': 'no device', 'table': rows(counted['cases']),
    'ways': [way._asdict() for way in WAYS],
    'facts': {
      'images': IMAGES, 'node': NODE, 'compute': 1e3 * compute, 'source': source,
      'in_node': IN_NODE / 1e9, 'between': BETWEEN_NODES / 1e9,
    },
  }  # fmt: skip


def seconds_to_compute() -> tuple[float, str]:
  """Of one device's share of a step, and where the number is from."""
  measured = [
    each for each in imagenet_plan.measurements()
    if 'H200' in each['device'] and each['network'] == 'bn_x5'
    and each['batch_size'] == IMAGES
  ]  # fmt: skip
  if measured:
    best = max(measured, key=itemgetter('images_per_second'))
    speed = best['images_per_second']
    return IMAGES / speed, f'measured, {speed:.0f} images/s, {best["dtype"]}'
  operations = 6 * imagenet_plan.MULTIPLY_ADDS * IMAGES
  return operations / (ASSUMED_UTILISATION * imagenet_plan.H200_FLOPS), (
    f'assumed, {ASSUMED_UTILISATION:.0%} of the bfloat16 operations that an H200 is '
    'sold with'
  )


def rows(cases: list[dict]) -> list[dict]:
  """One line for each number of devices and case of parallel_cost.json.

  Left out are rivals that normalize per device: they have the collectives of ours.
  """
  compute, _ = seconds_to_compute()
  different = [
    case for case in cases
    if case['layer'] == OURS or NORMALIZATIONS[case['normalization']] != 1
  ]  # fmt: skip
  return [row(case, devices, compute) for devices in SIZES for case in different]


def row(case: dict, devices: int, compute: float) -> dict:
  """One line of the table, in milliseconds."""
  forward = seconds_of_layers(case, FORWARD, devices)
  backward = seconds_of_layers(case, BACKWARD, devices)
  number = total(case['compiled'], MEANS, 'number')
  size = total(case['traced'], MEANS, 'bytes')
  means = number * seconds('all-reduce', size / number, devices)
  hidden = min(means, 2 / 3 * compute)  # the backward pass
  step = compute + forward + backward + means
  return {
    'devices': devices, 'normalization': case['normalization'], 'layer': case['layer'],
    'compute, ms': 1e3 * compute, 'BN forward, ms': 1e3 * forward,
    'BN backward, ms': 1e3 * backward, 'gradients, ms': 1e3 * means,
    'step, ms': 1e3 * step, 'step, overlapping, ms': 1e3 * (step - hidden),
    'efficiency': compute / step,
  }  # fmt: skip


def seconds_of_layers(case: dict, direction: str, devices: int) -> float:
  """Of all collectives of BN in one direction, one after the other."""
  together = NORMALIZATIONS[case['normalization']]
  spent = 0.0
  for kind in case['traced']:
    if kind['direction'] == direction:
      size = kind['bytes'] / kind['number']
      if kind['kind'] == 'all-gather':
        size *= (together or devices) / (together or DEVICES_COUNTED)
      spent += kind['number'] * seconds(kind['kind'], size, together or devices)
  return spent


def seconds(kind: str, size: float, devices: int) -> float:
  """Of an 'all-reduce' or 'all-gather' with outputs of `size` bytes on each device."""
  ways = [way for way in WAYS if kind == 'all-reduce' or way.algorithm == 'ring']
  return min(seconds_of(way, kind, size, devices) for way in ways)


def seconds_of(way: Way, kind: str, size: float, devices: int) -> float:
  """Of one way: latency, and the bytes that each device sends."""
  nodes, rounds = math.ceil(devices / NODE), 2 if kind == 'all-reduce' else 1
  bandwidth = way.share * (IN_NODE if nodes == 1 else BETWEEN_NODES)
  if way.algorithm == 'tree':
    hops = (min(devices, NODE) - 1) * way.in_node
    hops += math.log2(nodes) * way.between_nodes
    return 1e-6 * (way.once + rounds * hops) + rounds * size / bandwidth
  in_node = way.in_node if nodes == 1 else max(way.in_node, POST)
  crossings = nodes - 1 if kind == 'all-gather' or nodes == 1 else nodes
  hops = (devices - 1 - crossings) * in_node + crossings * way.between_nodes
  sent = rounds * (devices - 1) / devices * size
  return 1e-6 * (way.once + rounds * hops) + sent / bandwidth


main = harness.Benchmark(__doc__, measure, itemgetter('table')).main

if __name__ == '__main__':
  main()

"""Runs probes of one implementation, in its environment: `run.py` starts it.

python -m conformance.child ADAPTER OUTPUT PROBE ...

Each result goes to OUTPUT as soon as it is there, a line of JSON each. What is printed
is not read. NumPy alone, on Python 3.8.
"""

import importlib
import json
import os
import sys
import time
import warnings

from conformance.probes import (
  attempt,
  carry,
  devices,
  plain,
  precision,
  speed,
  statistics,
  training,
  transform,
)

PROBES = {
  'algorithm_1': transform.algorithm_1,
  'defaults': transform.defaults,
  'moving_average': statistics.moving_average,
  'weight_of_new': statistics.weight_of_new,
  'updates': statistics.updates,
  'one_value': statistics.one_value,
  'not_a_number': statistics.not_a_number,
  'masks': statistics.masks,
  'inference': transform.inference,
  'per_activation': transform.per_activation,
  'constant_features': precision.constant_features,
  'half_precision': precision.half_precision,
  'overflow': precision.overflow,
  'mean_over_deviation': precision.mean_over_deviation,
  'devices': devices.over_devices,
  'carry': carry.trained,
  'network': training.network,
}


def main(adapter, output, *names):
  warnings.simplefilter('ignore')
  layer_of = importlib.import_module('conformance.adapters.' + adapter).Layer
  for name in names:
    began = time.time()
    result = plain(attempt(lambda name=name: probe(name, layer_of)))
    with open(output, 'a') as file:
      line = {'probe': name, 'result': result, 'seconds': time.time() - began}
      file.write(json.dumps(line, allow_nan=False) + '\n')


def probe(name, layer_of):
  """What the probe of a name returns; the two that need a file take it from here."""
  if name == 'carried':
    with open(os.environ['CONFORMANCE_OTHERS']) as file:
      return carry.carried(layer_of, json.load(file))
  if name.startswith('speed'):
    return speed.measure(layer_of, *name.split(':')[1:])
  return PROBES[name](layer_of)


if __name__ == '__main__':
  main(*sys.argv[1:])

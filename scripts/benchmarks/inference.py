"""Images per second of a network with fixed statistics, folded and not.

The network of configs/bn_x5.py with its initial weights, on noise that lies on the
device, logits out; one compiled program each, in one process, in turn:

  folded       batch normalization folded into the convolutions (batch_norm/fold.py)
  unfolded     as evaluation runs it: one affine map for each feature after them
  without bn   the plain network, which has biases: what is left to gain

Imagenette's size on a CPU in float32; on a GPU figure 5 at 224 pixels in bfloat16.
About 5 minutes on two CPU cores:

python scripts/benchmarks/inference.py
"""

import argparse
import functools
import statistics
import time

import harness
import jax

from bn_repro.batch_norm.fold import fold
from bn_repro.models import networks
from bn_repro.models.describe import input_of
from bn_repro.run import config as config_lib
from bn_repro.run import provenance

FOLDED, UNFOLDED, WITHOUT = 'folded', 'unfolded', 'without bn'
BATCHES = (1, 32, 128)
CASES = {
  'cpu': ('imagenette_160', 'float32'),
  'gpu': ('imagenet2012', 'bfloat16'),
  'tpu': ('imagenet2012', 'bfloat16'),
}


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--rounds', type=int, default=15, help='(15)')
  parser.add_argument('--seconds', type=float, default=1.0, help='of a turn (1)')
  options = parser.parse_args()
  backend = jax.default_backend()
  config = config_lib.load(f'{config_lib.PROJECT}/configs/bn_x5.py:{CASES[backend][0]}')
  config.model.dtype = CASES[backend][1]
  found = {batch: measure(config, batch, options) for batch in BATCHES}
  table = [line for batch, of_batch in found.items() for line in rows(batch, of_batch)]
  name = 'inference' if backend == 'cpu' else f'inference_{backend}'
  harness.record(
    name, provenance.device(jax.local_devices()[:1]), table, {},
    about=about(config, options), rounds=found,
  )  # fmt: skip


def about(config, options) -> str:
  """The sentence above the table."""
  return (
    f'Logits of BN-x5 with fixed statistics, {config.dataset.size} pixels, width '
    f'{config.model.width:g}, {config.model.dtype}, {options.rounds} rounds.'
  )


def measure(config, batch: int, options) -> dict[str, list[float]]:
  """Images per second of each subject in each round."""
  size, num_classes = input_of(config)
  images = jax.random.normal(jax.random.key(0), (batch, *size))
  calls = {name: (run, images) for name, run in subjects(config, num_classes).items()}
  for run, _ in calls.values():
    jax.block_until_ready(run(images))
  return harness.alternate(
    calls, options.rounds, lambda name: speed(*calls[name], options.seconds)
  )


def subjects(config, num_classes: int) -> dict:
  """images -> logits of each, compiled, with variables on the device."""
  model = networks.build(config, num_classes)
  initial = lambda net: networks.initial_variables(
    net, config.seed, input_of(config)[0]
  )
  variables = initial(model)
  folded, params = fold(model, variables['params'], variables['batch_stats'])
  plain = model.clone(batch_norm=None)
  made = {
    FOLDED: (folded, {'params': params}),
    UNFOLDED: (model, variables),
    WITHOUT: (plain, initial(plain)),
  }
  return {
    name: functools.partial(
      jax.jit(functools.partial(net.apply, train=False)), jax.device_put(of_net)
    )
    for name, (net, of_net) in made.items()
  }


def speed(run, images, seconds: float) -> float:
  """Images per second, over calls that take so long together."""
  began, calls = time.perf_counter(), 0
  while (taken := time.perf_counter() - began) < seconds:
    jax.block_until_ready(run(images))
    calls += 1
  return calls * len(images) / taken


def rows(batch: int, rounds: dict[str, list[float]]) -> list[dict]:
  """The lines of the table: speed and how many times as fast folding is."""
  lines = []
  for name, speeds in rounds.items():
    line = {'batch': batch, 'network': name, 'images/s': statistics.median(speeds)}
    if name != FOLDED:
      line |= harness.compare(rounds[FOLDED], speeds)
    lines.append(line)
  return lines


if __name__ == '__main__':
  main()

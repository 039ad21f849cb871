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

import functools
import statistics
from argparse import Namespace
from collections.abc import Callable

import flax.linen as nn
import harness
import jax
import ratios
from ml_collections import ConfigDict

from bn_repro.batch_norm.fold import fold
from bn_repro.models import networks
from bn_repro.models.describe import input_of
from configs import bn_x5

FOLDED, UNFOLDED, WITHOUT = 'folded', 'unfolded', 'without bn'
BATCHES = (1, 32, 128)
ON_CPU, ELSEWHERE = ('imagenette_160', 'float32'), ('imagenet2012', 'bfloat16')


def options(add) -> None:
  add('--seconds', type=float, default=1.0, help='of a turn (1)')


def measure(options: Namespace) -> dict:
  dataset, dtype = ON_CPU if jax.default_backend() == 'cpu' else ELSEWHERE
  config = bn_x5.get_config(dataset)
  config.model.dtype = dtype
  size, num_classes = input_of(config)
  runs = subjects(config, num_classes, size)
  random = lambda batch: jax.random.normal(jax.random.key(0), (batch, *size))
  rounds = {str(n): measure_batch(runs, random(n), options) for n in BATCHES}
  return {'rounds': rounds, 'facts': {'config': config}}


def measure_batch(runs: dict, images: jax.Array, options: Namespace) -> dict:
  """Images per second of each subject in each round."""
  call = lambda name: jax.block_until_ready(runs[name](images))
  for name in runs:
    call(name)  # compiles
  seconds = lambda name: harness.seconds_of(lambda: call(name), options.seconds)
  speed = lambda name: len(images) / seconds(name)
  return harness.alternate(runs, options.rounds, speed)


def subjects(config: ConfigDict, num_classes: int, size: tuple[int, ...]) -> dict:
  """images -> logits of each, compiled, with variables on the device."""
  model = networks.build(config, num_classes)
  plain = model.clone(batch_norm=None)
  initial = functools.partial(
    networks.initial_variables, seed=config.seed, image_shape=size
  )
  variables = initial(model)
  folded, params = fold(model, variables['params'], variables['batch_stats'])
  return {
    FOLDED: compiled(folded, {'params': params}),
    UNFOLDED: compiled(model, variables),
    WITHOUT: compiled(plain, initial(plain)),
  }


def compiled(network: nn.Module, variables: dict) -> Callable[[jax.Array], jax.Array]:
  apply = jax.jit(functools.partial(network.apply, train=False))
  return functools.partial(apply, jax.device_put(variables))


def table(content: dict) -> list[dict]:
  """Speed, and how many times as fast folding is."""

  def columns(batch, rounds, name):
    speed = statistics.median(rounds[name])
    return {'batch': int(batch), 'network': name, 'images/s': speed}

  return [
    line
    for batch, rounds in content['rounds'].items()
    for line in ratios.lines(rounds, functools.partial(columns, batch, rounds), FOLDED)
  ]


main = harness.Benchmark(
  __doc__, measure, table, (15, 'turns of each subject'), options
).main

if __name__ == '__main__':
  main()

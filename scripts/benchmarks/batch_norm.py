"""Forward and backward through one batch normalization layer: time and memory.

Ours is `batch_normalize` of bn_repro/batch_norm/transform.py, with its written
gradient, on activations flattened to [m, features]. The rivals get the same activations
and the same gradient of the output, and do the same work:

  autodiff           the same two-pass forward, differentiated by JAX
  flax               flax.linen.BatchNorm as it comes, E[x^2] - E[x]^2
  flax exact         flax.linen.BatchNorm(use_fast_variance=False), two passes
  ours, group axis   ours on [1, m, features], an axis that the layer leaves out
  ours, 4 groups     ours on four ghost batches, [4, m / 4, features]
  torch              torch.nn.functional.batch_norm and its backward, channels last

Each of JAX is one compiled program that returns y, the statistics and the three
gradients; rivals alternate, in one process. [60, 100] is the layer of section 4.1 and
runs 200 times inside `lax.scan`, since a dispatch takes longer than it; the others are
layers of figure 5 at batch 32, each call timed alone: in float32 on a CPU, in bfloat16
on a GPU or TPU. About 2 minutes on two CPU cores:

python scripts/benchmarks/batch_norm.py       needs pip install -e .[benchmark]

`temporary` is the working memory of the program beyond its inputs and outputs.
`kept` is what JAX's forward pass hands to its backward pass, inputs included;
XLA may make some of it again instead of keeping it. `of copying` is the time in
which the device would copy what must move at least, over the time taken: eight maps
where a map does not fit into a cache (moments, normalization, the backward sums and dx
read 1, 1, 2 and 2; y and dx are written), at the speed of x -> -x in the same rounds.
On a GPU a call alone includes its dispatch, which dominates the small layers.
"""

import contextlib
import functools
import importlib
import math
import statistics
from argparse import Namespace

import flax.linen as nn
import harness
import jax
import jax.numpy as jnp
import ratios
from jax import lax

from bn_repro.batch_norm.transform import batch_normalize, moments, normalize

EPSILON = 1e-3
SHAPES = (
  (60, 100), (32, 112, 112, 64), (32, 56, 56, 192), (32, 28, 28, 192),
  (32, 14, 14, 576), (32, 7, 7, 1024),
)  # fmt: skip
TINY_SHAPES = ((60, 100), (2, 4, 4, 8))
SCAN_STEPS = 200

OURS, COPY, TORCH = 'ours', 'copy', 'torch'
MAPS_MOVED, MAPS_COPIED = 8, 2


def ours(x, gamma, beta, groups=()):
  """y like x `[..., features]`, and (mean, var); so are the others."""
  flat = x.reshape(*groups, -1, x.shape[-1])
  y, statistics = batch_normalize(flat, gamma, beta, None, EPSILON)
  return y.reshape(x.shape), statistics[:2]


def autodiff(x, gamma, beta):
  """Our forward without our backward."""
  flat = x.reshape(-1, x.shape[-1])
  mean, var, _ = moments(flat)
  y = normalize(flat, mean, var, gamma, beta, EPSILON)
  return y.reshape(x.shape), (mean, var)


def flax(x, gamma, beta, use_fast_variance=True):
  layer = nn.BatchNorm(
    use_running_average=False, epsilon=EPSILON, dtype=x.dtype,
    use_fast_variance=use_fast_variance,
  )  # fmt: skip
  stats = {'mean': jnp.zeros_like(gamma), 'var': jnp.ones_like(gamma)}
  variables = {'params': {'scale': gamma, 'bias': beta}, 'batch_stats': stats}
  return layer.apply(variables, x, mutable=['batch_stats'])


LAYERS = {
  OURS: ours,
  'autodiff': autodiff,
  'flax': flax,
  'flax exact': functools.partial(flax, use_fast_variance=False),
  'ours, group axis': functools.partial(ours, groups=(1,)),
  'ours, 4 groups': functools.partial(ours, groups=(4,)),
}


def options(add) -> None:
  add('--tiny', action='store_true', help='two small shapes, to try this out')


def measure(options: Namespace) -> dict:
  seconds, memory, missing, longest = {}, {}, {}, 0.0
  for shape in TINY_SHAPES if options.tiny else SHAPES:
    name, left = 'x'.join(map(str, shape)), harness.seconds_left()
    if left < longest:
      missing[name] = 'no time left'
      continue
    seconds[name], memory[name] = measure_shape(shape, options.rounds)
    if math.isfinite(left):
      longest = max(longest, left - harness.seconds_left())
  if all(TORCH not in layers for layers in seconds.values()):
    missing[TORCH] = 'PyTorch is not installed'
  return {'missing': missing, 'seconds': seconds, 'memory': memory}


def measure_shape(shape: tuple[int, ...], rounds: int) -> tuple[dict, dict]:
  """Of each layer, the seconds of a call in every round, and the memory."""
  arguments, is_small = example(shape), len(shape) == 2
  programs = {name: compile_(layer, arguments) for name, layer in LAYERS.items()}
  calls = {name: call_of(program, arguments) for name, program in programs.items()}
  if not is_small:
    calls[COPY] = call_of(jax.jit(jnp.negative), arguments[:1])
  with contextlib.suppress(ImportError):
    torch = importlib.import_module('subjects.batch_norm_torch')
    calls[TORCH] = torch.prepare(*arguments)
  for call in calls.values():
    call()
  repeats = dict.fromkeys(LAYERS, SCAN_STEPS) if is_small else {}
  # Small ones are called until 50 ms are over.
  time = lambda name: harness.seconds_of(calls[name], 0.05) / repeats.get(name, 1)
  memory = {name: memory_of(LAYERS[name], programs[name], arguments) for name in LAYERS}
  return harness.alternate(calls, rounds, time), memory


def example(shape: tuple[int, ...]):
  """x, dy, gamma and beta, reproducible."""
  x_key, dy_key = jax.random.split(jax.random.key(0))
  is_half = len(shape) == 4 and jax.default_backend() != 'cpu'
  dtype = jnp.bfloat16 if is_half else jnp.float32
  ones = jnp.ones(shape[-1])
  return (
    (3 + 2 * jax.random.normal(x_key, shape)).astype(dtype),
    jax.random.normal(dy_key, shape, dtype), ones, 0 * ones,
  )  # fmt: skip


def compile_(layer, arguments):
  """The compiled program of a layer for arguments of that shape."""

  def program(x, dy, gamma, beta):
    y, backward, statistics = jax.vjp(layer, x, gamma, beta, has_aux=True)
    dx, *gradients = backward(dy)
    return (y, dx), (statistics, gradients)

  def repeated(x, dy, gamma, beta):
    # y and dx go in again as x and dy.
    step = lambda carry, _: program(*carry, gamma, beta)
    return lax.scan(step, (x, dy), None, SCAN_STEPS)

  is_small = arguments[0].ndim == 2
  return jax.jit(repeated if is_small else program).lower(*arguments).compile()


def call_of(program, arguments):
  """Runs a program once, and waits for it."""
  return lambda: jax.block_until_ready(program(*arguments))


def table(content: dict) -> list[dict]:
  """One line for each layer of each shape; speeds are in calls per second."""

  def columns(shape, name):
    seconds, share = content['seconds'][shape], None
    if COPY in seconds:
      copies = ratios.spread(seconds[COPY], seconds[name])['ratio']
      share = MAPS_MOVED / MAPS_COPIED * copies
    return {
      'shape': shape, 'layer': name,
      'milliseconds': 1e3 * statistics.median(seconds[name]), 'of copying': share,
    } | content['memory'][shape].get(name, {})  # fmt: skip

  return [
    line
    for shape, seconds in content['seconds'].items()
    for line in ratios.lines(
      {n: [1 / s for s in values] for n, values in seconds.items() if n != COPY},
      functools.partial(columns, shape),
    )
  ]  # fmt: skip


def memory_of(layer, program, arguments) -> dict:
  """Megabytes that the program works in, and that the forward pass keeps."""
  x, _, gamma, beta = arguments
  backward = jax.eval_shape(
    lambda *inputs: jax.vjp(layer, *inputs, has_aux=True)[1], x, gamma, beta
  )
  kept = sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(backward))
  temporary = program.memory_analysis().temp_size_in_bytes
  return {'temporary, MB': temporary / 1e6, 'kept, MB': kept / 1e6}


main = harness.Benchmark(
  __doc__, measure, table, (21, 'calls of each layer'), options
).main

if __name__ == '__main__':
  main()

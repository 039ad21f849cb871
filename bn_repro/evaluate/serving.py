"""A trained network as a program on its own: bytes in, probabilities out."""

import functools
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from bn_repro.batch_norm import fold
from bn_repro.data.distort import finished
from bn_repro.data.pixels import convert_pixels
from bn_repro.evaluate import model_card, statistics, trained_on
from bn_repro.evaluate.network import Network, restore_named
from bn_repro.evaluate.request import POPULATION, Request
from bn_repro.models.describe import input_of
from bn_repro.run import settings
from bn_repro.run.errors import shown

PLATFORMS = ('cpu', 'cuda', 'rocm', 'tpu')


@settings.fixed()
def export(workdir: Path, kind: str, output: Path, weights: str | None = None) -> None:
  """Writes the network of a run to a file, reads it back and compares the two.

  `kind` of the statistics is one of `request.STATISTICS`, `weights` is as in `Request`.
  """
  network = restore_named(workdir, weights)
  is_read = kind == POPULATION
  trained_on.differences([network], None, reads_training_set=is_read)
  batch_stats = statistics.of_network(network, Request(statistics=kind), lambda: None)
  network = network._replace(batch_stats=batch_stats)
  program = program_of(network).serialize()
  card = model_card.of(network, kind, PLATFORMS)
  model_card.write(output, program, card)
  difference = _difference(network, output)
  print(
    f'{network.name}, step {network.step:,}, {network.weights} weights: '
    f'{len(program):,} bytes; on 8 random images its probabilities differ by at most '
    f'{difference:.1e} from those before folding\n'
    f'names of classes: {_named(card["classes"])}\n'
    f'written: {output}, read by jax {card["oldest_jax"]} and newer'
  )


def _named(classes: list[str] | None) -> str:
  if not classes:
    return 'not known, for neither the run nor its data set has them here'
  rest = f', ... {shown(classes[-1])}' if len(classes) > 3 else ''
  return f'{", ".join(map(shown, classes[:3]))}{rest}'


def program_of(network: Network) -> jax_export.Exported:
  """The folded network: `[batch, ...]` uint8 -> `[batch, classes]` float32."""
  model, params = fold.fold(network.model, network.params, network.batch_stats)

  def probabilities(images):
    return _softmax(model, {'params': params}, inputs_of(network, images))

  size, _ = input_of(network.config)
  batch = jax_export.symbolic_shape('batch')
  images = jax.ShapeDtypeStruct((*batch, *size), jnp.uint8)
  return jax_export.export(jax.jit(probabilities), platforms=PLATFORMS)(images)


def inputs_of(network: Network, images: jax.Array) -> jax.Array:
  """The input of a network in evaluation, of crops in uint8."""
  if network.config.model.name == 'mlp':
    return convert_pixels(images, network.config.dataset)
  return finished(images.astype(jnp.float32))


def _difference(network: Network, output: Path) -> float:
  """The largest between the probabilities of the file and of the network."""
  size, _ = input_of(network.config)
  images = np.random.default_rng(0).integers(0, 256, (8, *size), np.uint8)
  read = jax_export.deserialize(bytearray(output.read_bytes()))
  before = _softmax(network.model, network.variables, inputs_of(network, images))
  return float(jnp.max(jnp.abs(read.call(images) - before)))


@functools.partial(jax.jit, static_argnums=0)
def _softmax(model: nn.Module, variables: Any, images: jax.Array) -> jax.Array:
  return jax.nn.softmax(model.apply(variables, images, train=False))

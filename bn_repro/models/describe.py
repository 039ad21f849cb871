"""A network part by part: output shapes, parameters, multiply-adds, totals.

Only shapes are traced; nothing is computed. Multiply-adds are those of the matrix
products and convolutions for one example, as the literature counts them.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from bn_repro.data import sources
from bn_repro.models import networks
from bn_repro.models.layers import Convolution

# The layers that multiply by weights.
LINEAR = (Convolution, nn.Dense)


class Row(NamedTuple):
  """One layer, or one row of figure 5, for one example."""

  name: str
  kind: str
  output: tuple[int, ...]
  parameters: int
  statistics: int
  multiply_adds: int


def describe(config: ConfigDict) -> str:
  """The table of the network that the config describes, as text.

  The size of the input follows from the config. For section 4.1's network it is that of
  the data set, which need not be prepared if it is one of `prepared.FORMATS`.
  """
  size, num_classes = input_of(config)
  rows = rows_of(networks.build(config, num_classes), size)
  head = f'{config.network} on {config.dataset.name}, input {_shape(size)}'
  return f'{head}\n\n{_table(rows)}'


def input_of(config: ConfigDict) -> tuple[tuple[int, ...], int]:
  """The size of one image, and the number of classes."""
  if config.model.name == 'mlp':
    return sources.format_of(config.dataset.name)
  size = config.dataset.size
  return (size, size, 3), config.dataset.num_classes


def rows_of(model: nn.Module, input_size: tuple[int, ...]) -> list[Row]:
  """A `Row` for each part that the network itself names, in order."""
  calls = []

  def record(call, args, kwargs, context):
    output = call(*args, **kwargs)
    if context.method_name == '__call__' and context.module.path:
      calls.append((context.module, output.shape[1:]))
    return output

  def trace(images):
    with nn.intercept_methods(record):
      model.init(jax.random.key(0), images, train=False)
    # Inside the trace, where the variables of the layers can still be read.
    parts = [(layer, shape) for layer, shape in calls if len(layer.path) == 1]
    rows.extend(_row(layer, shape, calls) for layer, shape in parts)

  rows = []
  jax.eval_shape(trace, jax.ShapeDtypeStruct((1, *input_size), jnp.float32))
  return rows


def _row(part: nn.Module, output, calls) -> Row:
  within = [call for call in calls if call[0].path[:1] == part.path]
  return Row(
    part.name,
    type(part).__name__,
    output,
    sum(leaf.size for leaf in jax.tree.leaves(part.variables.get('params', {}))),
    sum(leaf.size for leaf in jax.tree.leaves(part.variables.get('batch_stats', {}))),
    sum(_multiply_adds(layer, shape) for layer, shape in within),
  )


def _multiply_adds(layer: nn.Module, output: tuple[int, ...]) -> int:
  """Every weight of a kernel is used once at each location of the output."""
  if not isinstance(layer, LINEAR):
    return 0
  params = jax.tree_util.tree_leaves_with_path(layer.variables['params'])
  weights = sum(leaf.size for path, leaf in params if path[-1].key == 'kernel')
  return weights * math.prod(output[:-1])


def _table(rows: list[Row]) -> str:
  head = ('layer', 'kind', 'output', 'parameters', 'statistics', 'multiply-adds')
  total = ('total', '', '', *(sum(column) for column in list(zip(*rows))[3:]))
  body = [(*row[:2], _shape(row.output), *row[3:]) for row in rows]
  cells = [[_cell(value) for value in line] for line in (head, *body, total)]
  widths = [max(map(len, column)) for column in zip(*cells)]
  return '\n'.join(
    '  '.join(
      cell.ljust(width) if i < 3 else cell.rjust(width)
      for i, (cell, width) in enumerate(zip(line, widths))
    ).rstrip()
    for line in cells
  )


def _cell(value) -> str:
  return f'{value:,}' if isinstance(value, int) else value


def _shape(size: tuple[int, ...]) -> str:
  return 'x'.join(map(str, size))

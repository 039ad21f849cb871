"""A network row by row: output shapes, parameters, multiply-adds, totals.

Counts by tracing shapes; nothing is computed. Multiply-adds are those of the
matrix products and convolutions for one example, as the literature counts them.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from bn_repro import models
from bn_repro.data import sources


class Row(NamedTuple):
  """One layer, for one example."""

  name: str
  kind: str
  output: tuple[int, ...]
  parameters: int
  statistics: int
  multiply_adds: int


def describe(config: ConfigDict) -> str:
  """The table of the network that the config describes, as text.

  Takes the size of the input from the name of the data set, which need not be
  there.
  """
  size, num_classes = sources.FORMATS[config.dataset.name]
  rows = layer_rows(models.build(config, num_classes), size)
  head = f'{config.network} on {config.dataset.name}, input {_shape(size)}'
  return f'{head}\n\n{_table(rows)}'


def layer_rows(model: nn.Module, input_size: tuple[int, ...]) -> list[Row]:
  """A `Row` for each layer that has parameters or statistics, in order."""
  rows = []

  def record(call, args, kwargs, context):
    output = call(*args, **kwargs)
    # The network itself is no layer: its own scope holds no variables.
    if context.method_name == '__call__' and context.module is not model:
      rows.append(_row(context.module, output))
    return output

  def trace(images):
    with nn.intercept_methods(record):
      model.init(jax.random.key(0), images, train=False)

  jax.eval_shape(trace, jax.ShapeDtypeStruct((1, *input_size), jnp.float32))
  return [row for row in rows if row is not None]


def _row(layer: nn.Module, output) -> Row | None:
  if not layer.path:
    return None
  parameters = layer.variables.get('params', {})
  if not all(hasattr(value, 'size') for value in parameters.values()):
    return None  # a block: its layers have rows of their own
  statistics = layer.variables.get('batch_stats', {})
  shape = output.shape[1:]
  return Row(
    '/'.join(layer.path),
    type(layer).__name__,
    shape,
    sum(value.size for value in parameters.values()),
    sum(value.size for value in statistics.values()),
    _multiply_adds(parameters, shape),
  )


def _multiply_adds(parameters, output: tuple[int, ...]) -> int:
  """Every weight of the kernel is used once at each location of the output."""
  kernel = parameters.get('kernel')
  return 0 if kernel is None else kernel.size * math.prod(output[:-1])


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

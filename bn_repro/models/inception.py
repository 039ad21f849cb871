"""The Inception network of figure 5, as a table of rows and one module for a row.

The caption of the figure says that its first convolution is separable with depth
multiplier 8. The figure contradicts itself: with the printed 128 filters behind the
pooling of 4c and 4d, their branches add up to 608 channels, where 576 is printed.
With 96, as in later code of the authors, all printed depths are right.

Trainable parameters with 1000 classes, and multiply-adds of a 224x224 image:

  variant  behind the pooling of 4c, 4d  first convolution  parameters  multiply-adds
  A        128, as printed               full               11,285,224  2,032,600,064
  B        128, as printed               separable          11,278,528  1,948,605,440
  C        96                            full               11,194,984  2,018,851,840
  D        96 (the default)              separable          11,188,288  1,934,857,216

Section 4.2 states 13.6 million parameters. No reading of figure 5 gives them, and
nothing here is tuned towards them.

Does not know how images were made, nor how the network is trained.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from bn_repro.models.layers import (
  Convolution,
  Dropout,
  Images,
  LocalResponseNormalization,
  Maps,
  initial_weights,
  side_by_side,
)
from bn_repro.models.pool import Pool, average_pool
from bn_repro.run.errors import UserError

# Where `Inception` sows the logits of its auxiliary heads.
AUXILIARY_LOGITS = 'auxiliary_logits'
AUXILIARY_ROWS = ('4a', '4d')  # GoogLeNet, section 5
AUXILIARY_WINDOW = 5


class Row(NamedTuple):
  """One row of figure 5; the fields are its columns, in filters.

  A row without a projection passes the pooled input through and has stride 2.
  """

  name: str
  conv_1x1: int
  reduce_3x3: int
  conv_3x3: int
  reduce_double_3x3: int
  double_3x3: int
  pool: str
  projection: int

  @property
  def stride(self) -> int:
    """Of the last convolution of each branch, and of the pooling."""
    return 1 if self.projection else 2


FIRST_CONVOLUTION = 64  # 7x7, stride 2
DEPTH_MULTIPLIER = 8
SECOND_CONVOLUTION = (64, 192)  # 1x1, then 3x3
ROWS = (
  Row('3a', 64, 64, 64, 64, 96, 'avg', 32),
  Row('3b', 64, 64, 96, 64, 96, 'avg', 64),
  Row('3c', 0, 128, 160, 64, 96, 'max', 0),
  Row('4a', 224, 64, 96, 96, 128, 'avg', 128),
  Row('4b', 192, 96, 128, 96, 128, 'avg', 128),
  Row('4c', 160, 128, 160, 128, 160, 'avg', 128),
  Row('4d', 96, 128, 192, 160, 192, 'avg', 128),
  Row('4e', 0, 128, 192, 192, 256, 'max', 0),
  Row('5a', 352, 192, 320, 160, 224, 'avg', 128),
  Row('5b', 352, 192, 320, 192, 224, 'max', 128),
)


def scaled_rows(width: float, pool_projection_4cd: int) -> tuple[Row, ...]:
  """`ROWS` with this projection in 4c and 4d, and all filters times `width`."""
  return tuple(
    row._replace(**_filters(row, width, pool_projection_4cd)) for row in ROWS
  )


def _filters(row: Row, width: float, pool_projection_4cd: int) -> dict[str, int]:
  columns = {name: v for name, v in row._asdict().items() if isinstance(v, int)}
  if row.name in ('4c', '4d'):
    columns['projection'] = pool_projection_4cd
  return {name: scaled(filters, width) for name, filters in columns.items()}


def scaled(filters: int, width: float) -> int:
  """A number of filters times `width`, rounded, at least 1; 0 stays 0."""
  return max(1, round(filters * width)) if filters else 0


class InceptionModule(nn.Module):
  """Four branches over one input, their channels side by side: a row of figure 5.

  The two 3x3 convolutions of the double branch replace GoogLeNet's 5x5.

  Attributes:
    row: the filters of each branch.
    layer: makes a `Convolution`.
    is_joined: whether layers that share their input are computed as one.
  """

  row: Row
  layer: Callable[..., nn.Module]
  is_joined: bool = True

  @nn.compact
  def __call__(self, x: Images, *, train: bool) -> Maps:
    """The maps of all branches, side by side."""
    row = self.row
    *conv_1x1, reduced, reduced_double, pooled = self._first_layers(x, train)
    conv_3x3 = self._layer('conv_3x3', row.conv_3x3, 3, row.stride)
    double_3x3_1 = self._layer('double_3x3_1', row.double_3x3, 3)
    double_3x3_2 = self._layer('double_3x3_2', row.double_3x3, 3, row.stride)
    branches = [
      *conv_1x1,
      conv_3x3(reduced, train=train),
      double_3x3_2(double_3x3_1(reduced_double, train=train), train=train),
      pooled,
    ]
    return jnp.concatenate(branches, axis=-1)

  def _first_layers(self, x, train) -> list[Maps]:
    """The output of the first layer of each branch, in the table's order."""
    row, pool = self.row, Pool(self.row.pool, self.row.stride)
    names = ('conv_1x1', 'reduce_3x3', 'reduce_double_3x3')
    filters = {name: getattr(row, name) for name in names}
    layers = [self._layer(name, number) for name, number in filters.items() if number]
    projection = self._layer('projection', row.projection) if row.projection else None
    # `init` calls every layer, so that it can be observed.
    is_joined = self.is_joined and not self.is_initializing()
    if is_joined and projection is not None and row.pool == 'avg':
      return side_by_side([*layers, projection], x, train, pool)
    if is_joined:
      outputs = side_by_side(layers, x, train)
    else:
      outputs = [layer(x, train=train) for layer in layers]
    pooled = pool(x) if projection is None else projection(pool(x), train=train)
    return [*outputs, pooled]

  def _layer(self, name, features, kernel=1, stride=1):
    return self.layer(features=features, kernel=kernel, stride=stride, name=name)


class AuxiliaryHead(nn.Module):
  """GoogLeNet's classifier on an inner row, for training only.

  5x5 average pooling of stride 3, 1x1 convolution of 128, a fully connected layer of
  1024 (as a convolution over the whole map), 70 % dropout, logits.
  """

  num_classes: int
  layer: Callable[..., nn.Module]
  width: float = 1.0

  @nn.compact
  def __call__(
    self, x: Images, *, train: bool
  ) -> Float[Array, 'batch {self.num_classes}']:
    """Logits, float32, of maps of at least 5x5."""
    x = average_pool(x, (AUXILIARY_WINDOW, AUXILIARY_WINDOW), (3, 3))
    x = self.layer(features=scaled(128, self.width), name='conv_1x1')(x, train=train)
    x = x.reshape(len(x), 1, 1, -1)
    hidden = self.layer(features=scaled(1024, self.width), name='hidden')
    x = hidden(x, train=train).reshape(len(x), -1).astype(jnp.float32)
    x = Dropout(0.7)(x, train=train)
    return nn.Dense(self.num_classes, name='logits')(x)


class GlobalAverage(nn.Module):
  """The mean over all locations: figure 5's 7x7 average pooling, at any size."""

  def __call__(
    self, x: Images, *, train: bool = False
  ) -> Float[Array, 'batch channels']:
    """The means, float32."""
    return jnp.mean(x, axis=(1, 2), dtype=jnp.float32)


class Inception(nn.Module):
  """The network of figure 5, with or without batch normalization.

  Attributes:
    num_classes: width of the softmax, the only fully connected layer.
    batch_norm: makes a BN layer, given its name; None leaves BN out, and adds biases.
    nonlinearity: 'relu' or 'sigmoid'.
    width: factor on every number of filters.
    stem: 'figure5' divides sizes by 8 before 3a; 'small', for images of 32
      pixels and less, has a first kernel of 3x3 and neither stride nor pooling.
    separable_first_conv: as figure 5 says, or one full convolution.
    pool_projection_4cd: 128 as printed, or 96 (top of this file).
    local_response_normalization: after the first pooling and before the second.
    dropout: the share dropped before the softmax, may be traced; None drops none.
    auxiliary_heads: in training, sows logits of 4a and 4d in `auxiliary_logits`.
    per_activation_rows: those that normalize each activation alone (section 4.2.3).
    weight_variance, weight_std: of the convolutions' `initial_weights`.
    dtype: of the convolutions; parameters, statistics and logits are float32.
    is_joined: of its modules; False to observe each layer by itself.
  """

  num_classes: int
  batch_norm: Callable[..., nn.Module] | None = None
  nonlinearity: str = 'relu'
  width: float = 1.0
  stem: str = 'figure5'
  separable_first_conv: bool = True
  pool_projection_4cd: int = 96
  local_response_normalization: bool = False
  dropout: Float[ArrayLike, ''] | float | None = None
  auxiliary_heads: bool = False
  per_activation_rows: tuple[str, ...] = ()
  weight_variance: float = 2.0
  weight_std: float = 0.0
  dtype: jnp.dtype = jnp.float32
  is_joined: bool = True

  @nn.compact
  def __call__(
    self, images: Images, *, train: bool
  ) -> Float[Array, 'batch {self.num_classes}']:
    """Logits, float32. With `train`, dropout draws from the random stream 'dropout'."""
    x = images.astype(self.dtype)
    for layer in self._stem():
      x = layer(x, train=train)
    for row in scaled_rows(self.width, self.pool_projection_4cd):
      is_per_activation = row.name in self.per_activation_rows
      layer = self._layer(is_per_activation)
      module = InceptionModule(row, layer, self.is_joined, name=row.name)
      x = module(x, train=train)
      if row.name in AUXILIARY_ROWS and self.auxiliary_heads:
        self._classify_early(row, x, train)
    x = GlobalAverage(name='average')(x)
    if self.dropout is not None:
      x = Dropout(self.dropout, name='dropout')(x, train=train)
    weights = initial_weights(1.0)
    return nn.Dense(self.num_classes, kernel_init=weights, name='logits')(x)

  def _stem(self) -> list[nn.Module]:
    """The rows above 3a."""
    layer, is_small = self._layer(), self.stem == 'small'
    reduce, second = (scaled(filters, self.width) for filters in SECOND_CONVOLUTION)
    pools = [] if is_small else [Pool('max', 2, name=f'pool_{i}') for i in (1, 2)]
    norms = []
    if self.local_response_normalization:
      name = 'local_response_normalization'
      norms = [LocalResponseNormalization(name=f'{name}_{i}') for i in (1, 2)]
    first = layer(
      features=scaled(FIRST_CONVOLUTION, self.width), name='convolution_1',
      kernel=3 if is_small else 7, stride=1 if is_small else 2,
      depth_multiplier=DEPTH_MULTIPLIER if self.separable_first_conv else None,
    )  # fmt: skip
    return [
      first, *pools[:1], *norms[:1],
      layer(features=reduce, name='convolution_2_reduce'),
      layer(features=second, kernel=3, name='convolution_2'),
      *norms[1:], *pools[1:],
    ]  # fmt: skip

  def _layer(self, per_activation: bool = False) -> Callable[..., nn.Module]:
    """Makes a `Convolution`, given its size and name."""
    batch_norm = self.batch_norm
    if batch_norm is not None and per_activation:
      batch_norm = functools.partial(batch_norm, per_activation=True)
    return functools.partial(
      Convolution, batch_norm=batch_norm, nonlinearity=self.nonlinearity,
      weight_variance=self.weight_variance, weight_std=self.weight_std,
      dtype=self.dtype,
    )  # fmt: skip

  def _classify_early(self, row, x, train):
    if min(x.shape[1:3]) < AUXILIARY_WINDOW:
      raise UserError(
        f'auxiliary heads average over {AUXILIARY_WINDOW}x{AUXILIARY_WINDOW} places, '
        f'row {row.name} has {x.shape[1]}x{x.shape[2]}; choose a larger '
        'config.dataset.size, or config.model.auxiliary_heads=false'
      )
    if train or self.is_initializing():
      head = AuxiliaryHead(
        self.num_classes, self._layer(), self.width, name=f'auxiliary_head_{row.name}'
      )
      self.sow(AUXILIARY_LOGITS, f'logits_{row.name}', head(x, train=train))

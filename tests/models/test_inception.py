"""Figure 5: exact counts of parameters and multiply-adds, and sizes.

Those of the full network come from tracing its shapes; nothing is compiled.
"""

import flax.linen as nn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.traced import build, count, leaves, outputs, shapes

from bn_repro.models.describe import rows_of
from bn_repro.models.pool import Pool

IMAGENET = (224, 224, 3)
# pool_projection_4cd and separable_first_conv of the four readings of figure 5.
VARIANTS = {'A': (128, False), 'B': (128, True), 'C': (96, False), 'D': (96, True)}


def variant(letter, is_normalized, num_classes=1000, **overrides):
  projection, separable = VARIANTS[letter]
  return build(
    'bn_x30' if is_normalized else 'inception', num_classes,
    pool_projection_4cd=projection, separable_first_conv=separable, **overrides,
  )  # fmt: skip


# Counts.


@pytest.mark.parametrize(
  'letter, plain, normalized, statistics, multiply_adds',
  [
    ('A', 11_275_208, 11_285_224, 20_032, 2_032_600_064),
    ('B', 11_268_512, 11_278_528, 20_032, 1_948_605_440),
    ('C', 11_185_032, 11_194_984, 19_904, 2_018_851_840),
    ('D', 11_178_336, 11_188_288, 19_904, 1_934_857_216),
  ],
)
def test_totals_of_figure_5(letter, plain, normalized, statistics, multiply_adds):
  """Trainable parameters of both networks, running statistics, cost at 224."""
  rows = rows_of(variant(letter, True), IMAGENET)
  assert sum(row.parameters for row in rows) == normalized
  assert sum(row.statistics for row in rows) == statistics
  assert sum(row.multiply_adds for row in rows) == multiply_adds
  rows = rows_of(variant(letter, False), IMAGENET)
  assert sum(row.parameters for row in rows) == plain
  assert sum(row.statistics for row in rows) == 0
  assert sum(row.multiply_adds for row in rows) == multiply_adds


@pytest.mark.parametrize('network', ['inception', 'bn_x30'])
def test_the_default_is_variant_d(network):
  model = build(network)
  assert (model.pool_projection_4cd, model.separable_first_conv) == VARIANTS['D']


# Convolution weights, normalized channels and multiply-adds of each row of A.
ROWS_OF_A = {
  'convolution_1': (9_408, 64, 118_013_952),
  'convolution_2_reduce': (4_096, 64, 12_845_056),
  'convolution_2': (110_592, 192, 346_816_512),
  '3a': (218_112, 480, 170_999_808),
  '3b': (259_072, 544, 203_112_448),
  '3c': (384_000, 544, 143_904_768),
  '4a': (608_256, 864, 119_218_176),
  '4b': (663_552, 896, 130_056_192),
  '4c': (912_384, 1_024, 178_827_264),
  '4d': (1_140_736, 1_088, 223_584_256),
  '4e': (1_447_936, 1_024, 164_577_280),
  '5a': (2_205_696, 1_600, 108_079_104),
  '5b': (2_276_352, 1_632, 111_541_248),
}
CHANGED_IN_C = {
  '4c': (893_952, 992, 175_214_592),
  '4d': (1_105_920, 1_056, 216_760_320),
  '4e': (1_437_696, 1_024, 162_570_240),
  '5a': (2_179_072, 1_600, 106_774_528),
}


@pytest.mark.parametrize(
  'letter, expected', [('A', ROWS_OF_A), ('C', ROWS_OF_A | CHANGED_IN_C)]
)
def test_counts_of_each_row(letter, expected):
  rows = {row.name: row for row in rows_of(variant(letter, True), IMAGENET)}
  for name, (weights, channels, multiply_adds) in expected.items():
    assert rows[name].parameters == weights + 2 * channels
    assert rows[name].statistics == 2 * channels
    assert rows[name].multiply_adds == multiply_adds


@pytest.mark.slow
@pytest.mark.parametrize(
  'num_classes, of_variants',
  [
    (10, (10_270_474, 10_263_778, 10_180_234, 10_173_538)),
    (100, (10_362_724, 10_356_028, 10_272_484, 10_265_788)),
  ],
)
def test_parameters_with_fewer_classes(num_classes, of_variants):
  for letter, parameters in zip(VARIANTS, of_variants):
    found = shapes(variant(letter, True, num_classes))
    assert count(found['params']) == parameters


def parameters_by_hand(projection, separable, num_classes, is_normalized, width):
  """The sum over the columns of figure 5, written down a second time."""
  of = lambda filters: max(1, round(width * filters))
  weights, channels = 0, 0

  def convolution(size, inputs, filters):
    nonlocal weights, channels
    weights, channels = weights + size * size * inputs * filters, channels + filters
    return filters

  if separable:
    weights += 7 * 7 * 3 * 8
    depth = convolution(1, 3 * 8, of(64))
  else:
    depth = convolution(7, 3, of(64))
  depth = convolution(3, convolution(1, depth, of(64)), of(192))
  # 1x1; 3x3 reduce, 3x3; double 3x3 reduce, double 3x3; behind the pooling.
  for of_row in (
    '64 64 64 64 96 32', '64 64 96 64 96 64', '0 128 160 64 96 0',
    '224 64 96 96 128 128', '192 96 128 96 128 128',
    f'160 128 160 128 160 {projection}', f'96 128 192 160 192 {projection}',
    '0 128 192 192 256 0', '352 192 320 160 224 128', '352 192 320 192 224 128',
  ):  # fmt: skip
    single, reduce, triple, reduce_double, double, behind = map(int, of_row.split())
    total = convolution(1, depth, of(single)) if single else 0
    total += convolution(3, convolution(1, depth, of(reduce)), of(triple))
    between = convolution(3, convolution(1, depth, of(reduce_double)), of(double))
    total += convolution(3, between, of(double))
    depth = total + (convolution(1, depth, of(behind)) if behind else depth)
  of_channel = 2 if is_normalized else 1  # gamma and beta, or a bias
  return weights + of_channel * channels + depth * num_classes + num_classes


@pytest.mark.slow
@settings(max_examples=10, deadline=None, derandomize=True)
@given(
  st.sampled_from(list(VARIANTS)),
  st.integers(1, 22_000),
  st.booleans(),
  st.sampled_from([1.0, 1.0, 0.5, 0.25, 0.0625, 1.3, 0.001]),
)
def test_parameters_are_those_of_an_independent_sum(
  letter, num_classes, is_normalized, width
):
  """For any number of classes and any width: filters are rounded, at least 1."""
  model = variant(letter, is_normalized, num_classes, width=width)
  expected = parameters_by_hand(*VARIANTS[letter], num_classes, is_normalized, width)
  assert count(shapes(model, size=64)['params']) == expected


# Sizes.

DEPTHS = {
  'convolution_1': 64, 'pool_1': 64, 'convolution_2_reduce': 64, 'convolution_2': 192,
  'pool_2': 192, '3a': 256, '3b': 320, '3c': 576, '4a': 576, '4b': 576, '4c': 576,
  '4d': 576, '4e': 1024, '5a': 1024, '5b': 1024,
}  # fmt: skip
SIDES = {
  224: (112, 56, 56, 56, 28, 28, 28, 14, 14, 14, 14, 14, 7, 7, 7),
  112: (56, 28, 28, 28, 14, 14, 14, 7, 7, 7, 7, 7, 4, 4, 4),
  64: (32, 16, 16, 16, 8, 8, 8, 4, 4, 4, 4, 4, 2, 2, 2),
}


@pytest.mark.parametrize('size', SIDES)
def test_output_of_each_row(size):
  """At 224 those of figure 5; for 3c and 4e, of stride 2, what it prints below."""
  expected = {
    name: (side, side, depth)
    for side, (name, depth) in zip(SIDES[size], DEPTHS.items())
  }
  expected |= {'average': (1024,), 'logits': (1000,)}
  found = outputs(build('bn_x30'), size)
  assert found == expected
  assert list(found) == list(expected)


def test_places_of_response_normalization_and_dropout():
  """After the first pooling, before the second; before the softmax."""
  found = list(outputs(build('inception'), 64))
  assert found[:7] == [
    'convolution_1', 'pool_1', 'local_response_normalization_1',
    'convolution_2_reduce', 'convolution_2', 'local_response_normalization_2',
    'pool_2',
  ]  # fmt: skip
  assert found[-4:] == ['5b', 'average', 'dropout', 'logits']


def test_kinds_of_pooling():
  """Average but for 5b, between rows of stride 2 that pass their maximum through."""
  pools = []

  def record(call, args, kwargs, context):
    if isinstance(context.module, Pool):
      pools.append((context.module.kind, context.module.stride))
    return call(*args, **kwargs)

  with nn.intercept_methods(record):
    shapes(build(), size=64)
  halving, average = ('max', 2), ('avg', 1)
  of_stem, of_3, of_4 = 2 * [halving], [average, average], 4 * [average]
  of_5 = [average, ('max', 1)]
  assert pools == [*of_stem, *of_3, halving, *of_4, halving, *of_5]


def test_the_printed_128_filters_do_not_give_the_printed_depths():
  found = outputs(build(pool_projection_4cd=128), 224)
  depths = {name: found[name][-1] for name in ('4b', '4c', '4d', '4e', '5a')}
  assert depths == {'4b': 576, '4c': 608, '4d': 608, '4e': 1056, '5a': 1024}


@pytest.mark.parametrize('width', [0.5, 0.25])
def test_width_is_a_factor_on_every_depth(width):
  found = outputs(build(width=width), 64)
  assert {n: shape[-1] for n, shape in found.items() if n in DEPTHS} == {
    name: width * depth for name, depth in DEPTHS.items()
  }


@pytest.mark.parametrize('separable', [True, False], ids=['separable', 'full'])
def test_a_stem_for_small_images(separable):
  """A first kernel of 3x3; full size up to 3c, which has stride 2."""
  model = build(stem='small', separable_first_conv=separable)
  found = outputs(model, 32)
  sides = (32, 32, 32, 32, 32, 16, 16, 16, 16, 16, 8, 8, 8)
  without_pools = [name for name in DEPTHS if 'pool' not in name]
  assert list(found) == [*without_pools, 'average', 'logits']
  assert [found[name] for name in without_pools] == [
    (side, side, DEPTHS[name]) for side, name in zip(sides, without_pools)
  ]
  first = leaves(shapes(model, 32)['params']['convolution_1'])
  assert {name: leaf.shape for name, leaf in first.items() if 'kernel' in name} == (
    {'depthwise/kernel': (3, 3, 1, 24), 'convolution/kernel': (1, 1, 24, 64)}
    if separable
    else {'convolution/kernel': (3, 3, 3, 64)}
  )

"""Verdicts on claim 29 follow from the inputs of nonlinearities."""

import json

import pytest
from paper.claims_made import Made, measured, verdict

from bn_repro.paper import section_3_2_placement as placement
from bn_repro.paper.ledger import CONTRADICTED, SUPPORTED
from support import PROJECT


@pytest.mark.parametrize('near, expected', [(0.09, SUPPORTED), (0.4, CONTRADICTED)])
def test_29_not_sparse(near, expected):
  rows = [
    {'side': 'input', 'layer': layer, 'near_zero': near + more}
    for layer, more in (('3a', 0.0), ('3b', 0.001), ('3c', 0.002))
  ]
  rows.append({'side': 'output', 'layer': '3a', 'near_zero': 0.9})
  pages = {f'nonlinearity_inputs_{n}': {'rows': rows} for n in ('inception', 'bn_x30')}
  assert verdict('29', Made(**pages)) == expected
  assert measured('29', Made(**pages)).number == 3


def layers_of(page):
  return [row['layer'] for row in placement.of_side(page, 'input')]


def test_layers_are_in_the_order_of_the_network():
  """In a module as figure 5's columns have them; the file has that of the alphabet."""
  path = PROJECT / 'results' / 'analysis' / 'nonlinearity_inputs_bn_x30.json'
  layers = layers_of(json.loads(path.read_text()))
  assert layers[:10] == [
    'convolution_1', 'convolution_2_reduce', 'convolution_2',
    '3a/conv_1x1', '3a/reduce_3x3', '3a/conv_3x3',
    '3a/reduce_double_3x3', '3a/double_3x3_1', '3a/double_3x3_2', '3a/projection',
  ]  # fmt: skip
  modules = [layer.split('/')[0] for layer in layers[3:]]
  assert modules == sorted(modules)


def test_a_tenth_hidden_layer_comes_after_the_second():
  rows = [{'side': 'input', 'layer': f'hidden_{i}'} for i in (1, 10, 2, 9)]
  assert layers_of({'rows': rows}) == [f'hidden_{i}' for i in (1, 2, 9, 10)]

"""Means, deviations and tables."""

import numpy as np
import pytest

from bn_repro.report import tables


def test_percent_is_mean_and_sample_deviation():
  values = np.asarray([0.90, 0.92, 0.94])
  assert tables.percent(values) == '92.00 ± 2.00 %'
  assert tables.percent(values[:1]) == '90.00 %'
  assert tables.percent(np.asarray([np.nan])) == '-'


def test_a_seed_that_diverged_is_named_beside_the_mean_of_the_others():
  some = np.asarray([0.9, np.nan, 0.94])
  assert tables.percent(some, 'diverged') == '92.00 ± 2.83 % (1 of 3 diverged)'
  assert tables.percent(some[1:2], 'diverged') == 'diverged'


@pytest.mark.parametrize(
  'values, text',
  [
    ([1000, 2000], '1,500 ± 707'),
    ([1000, np.inf], '1,000 (1 of 2 never)'),
    ([np.inf, np.inf], 'never'),
    ([4000], '4,000'),
  ],
)
def test_steps_say_how_many_never_got_there(values, text):
  assert tables.steps(np.asarray(values, float)) == text


def test_markdown_pads_and_aligns_numbers():
  table = tables.markdown(('name', 'n'), [('a', '1'), ('long name', '-20')])
  assert table == (
    '| name      |   n |\n| --------- | --: |\n| a         |   1 |\n| long name | -20 |'
  )


def test_replace_block_leaves_the_rest(tmp_path):
  path = tmp_path / 'a.md'
  path.write_text('x\n<!-- t -->\nold\n<!-- end of t -->\ny\n')
  tables.replace_block(path, 't', 'new')
  assert path.read_text() == 'x\n<!-- t -->\nnew\n<!-- end of t -->\ny\n'

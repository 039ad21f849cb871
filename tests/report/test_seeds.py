"""Numbers over seeds, by hand, and their tables."""

import math

import numpy as np
from paper.claims_made import run

from bn_repro.report import seeds


def test_variants_are_what_comes_before_the_seed():
  runs = [run('a_x10', [1], seed=1), run('b', [1]), run('a_x10', [2])]
  variants = seeds.by_variant(runs)
  assert [one.config['seed'] for one in variants['a_x10']] == [0, 1]
  assert variants.keys() == {'a_x10', 'b'}


def test_variants_have_their_titles_in_the_order_of_these():
  runs = [run('a', [1]), run('b', [1]), run('c', [1])]
  assert list(seeds.by_variant(runs, {'c': 'see', 'x': 'ex', 'a': 'ay'})) == [
    'see', 'ay',
  ]  # fmt: skip


def test_final_and_average_of_a_column():
  runs = [run('a', [0, 40, 60]), run('a', [0, 50, 70], seed=1)]
  np.testing.assert_allclose(seeds.final(runs), [0.6, 0.7])
  np.testing.assert_allclose(seeds.average(runs, 'test_accuracy'), [0.5, 0.6])


def test_of_a_run_that_diverged_nothing_is_final():
  runs = [run('a', [0, 40]), run('a', [0, 50], diverged=True)]
  assert math.isnan(seeds.final(runs)[1])
  assert seeds.percent(seeds.final(runs)) == '1 of 2 diverged or without a value'


def test_an_estimate_is_the_mean_with_students_interval():
  """Three values: 4.303 standard errors either way."""
  half = 4.3027 * 1 / math.sqrt(3)
  expected = f'2.00 ({2 - half:.2f} to {2 + half:.2f})'
  assert seeds.estimate(np.asarray([1.0, 2.0, 3.0])) == expected
  assert seeds.estimate(np.asarray([2.0])) == '2.00'
  assert seeds.percent(np.asarray([0.5, 0.5])) == '50.00 % (50.00 to 50.00)'


def test_curves_are_aligned_at_the_steps_of_the_coarsest():
  """As far as all go; straight in between."""
  fine = np.array([0.0, 10, 20, 30, 40]), np.array([0.0, 1, 2, 3, 4])
  coarse = np.array([5.0, 15, 35]), np.array([2.0, 4, 8])
  at, values = seeds.aligned([fine, coarse])
  np.testing.assert_array_equal(at, [5, 15, 35])
  np.testing.assert_allclose(values, [[0.5, 1.5, 3.5], [2, 4, 8]])
  at, values = seeds.aligned([(fine[0][:3], fine[1][:3]), fine])
  np.testing.assert_array_equal(values, [[0, 1, 2]] * 2)


def test_the_gap_is_training_less_test():
  one = run('a', [0, 90], curves={'train_accuracy_undistorted': np.asarray([0, 0.97])})
  np.testing.assert_allclose(seeds.gaps([one]), [0.07])


def test_a_table_has_a_row_for_each_group():
  groups = {
    ('a', '0.1'): [run('a', [90])],
    ('b', '1'): [run('b', [80], s) for s in (0, 1)],
  }
  table = seeds.table(('name', 'rate'), groups, {'seeds': seeds.number})
  cells = [[c.strip() for c in line.split('|')[1:-1]] for line in table.splitlines()]
  assert cells[0] == ['name', 'rate', 'seeds']
  assert cells[2:] == [['a', '0.1', '1'], ['b', '1', '2']]
  one_name = seeds.table('name', {'a': [run('a', [90])]}, {'seeds': seeds.number})
  assert one_name.splitlines()[2] == '| a    |     1 |'

"""The tables of figure 3, the decay, and both sides at their best learning rate."""

import pytest
from paper.inception_made import BN_X5, PLAIN, learning, networks, several

from bn_repro.paper import section_4_2_controls as controls
from bn_repro.paper import section_4_2_decay as decay
from bn_repro.paper import section_4_2_figure_3 as figure_3
from bn_repro.paper.section_4_2_networks import SLOW_DECAY


def test_a_network_that_never_arrives_has_a_bound():
  low = networks() | {
    'bn_x5_sigmoid': several('bn_x5_sigmoid', 9_000, 9_100, limit=0.7)
  }
  assert figure_3.speed_up(low, 'bn_x5_sigmoid', 0.75).startswith('at most ')
  assert figure_3.speed_up(low, 'bn_x5_sigmoid', 0.75).endswith(', 0/2')
  assert figure_3.speed_up(low, 'bn_x5_sigmoid', 0.6).endswith(', 2/2')


def test_where_the_plain_network_never_arrives_there_is_a_lower_bound():
  high = {'inception': several('inception', 9_000, 9_100, limit=0.7), 'bn_x5': BN_X5}
  high['bn_baseline'] = several('bn_baseline', 9_000, 9_100)
  assert figure_3.speed_up(high, 'bn_x5', 0.75).startswith('at least ')
  low = {
    name: several(name, 9_000, 9_100, limit=0.6) for name in ('inception', 'bn_x5')
  }
  assert figure_3.speed_up(low, 'bn_x5', 0.75) == '-'


def test_the_table_has_the_papers_speed_up_beside_ours():
  lines = figure_3.table({'inception': PLAIN, 'bn_x5': BN_X5}).splitlines()[2:]
  assert [line.split('|')[1].strip() for line in lines] == ['Inception', 'BN-x5']
  assert ' 14.8 |' in lines[1] and '3.33 (' in lines[1] and '2/2' in lines[1]


def test_the_text_says_how_far_seeds_spread():
  text = figure_3.text(networks())
  assert '3 degrees\nof freedom' in text.replace(' of freedom', '\nof freedom')
  assert 'cannot be tested before two of them have three' in text
  three = {name: several(name, 5e3, 6e3, 7e3) for name in ('inception', 'bn_x5')}
  assert '(Brown and Forsythe)' in figure_3.text(three)


def test_hours_name_the_machine_and_what_was_not_measured_there():
  other = learning('bn_x30', 9_000)
  other.summary['device'] = 'another cpu'
  text = figure_3.text(networks() | {'bn_x30': [other]})
  assert 'one machine, a cpu; not measured there: BN-x30.' in text


def test_both_decays_are_compared_at_their_last_common_step(tmp_path):
  slow = several('bn_x5', 5_000, 5_100, limit=0.79, horizon=30_000)
  text = decay.text(networks() | {SLOW_DECAY: slow}, tmp_path)
  assert 'After 30,000 steps' in text and 'BN-x5, slow decay' in text
  assert (tmp_path / 'decay.png').exists() and (tmp_path / 'decay.svg').exists()
  assert decay.text(networks(), tmp_path) == ''


@pytest.mark.parametrize('faster', [0.0075, 0.03])
def test_both_sides_are_taken_at_their_best_learning_rate(faster):
  short = lambda *args, **options: learning(*args, horizon=6_000, **options)
  rates = [
    short('inception', 4_000, learning_rate=faster),
    short('inception', 90_000, learning_rate=0.3),
    short('bn_x5', 90_000, learning_rate=0.15),
  ]
  chosen = controls.at_best_rates(networks(), rates)
  assert [r.config['learning_rate'] for r in chosen['inception']] == [faster]
  assert {r.config['learning_rate'] for r in chosen['bn_x5']} == {0.0075}
  text = controls.best_rates(networks(), rates)
  assert f'Inception at {faster:g}' in text and '(one run)' in text

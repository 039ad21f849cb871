"""The tables of figure 3 and the verdicts on it follow from the curves."""

import math

import pytest
from paper.claims_made import Made, measured, verdict
from paper.inception_made import BN_X5, PLAIN, learning, networks, several
from paper.stages_made import listed

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_decay as decay
from bn_repro.paper import section_4_2_figure_3 as figure_3
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Missing
from bn_repro.paper.section_4_2_networks import SLOW_DECAY
from bn_repro.report import effects


def test_a_network_that_never_arrives_has_a_bound():
  low = networks() | {
    'bn_x5_sigmoid': several('bn_x5_sigmoid', 9_000, 9_100, limit=0.7)
  }
  assert figure_3.speed_up_text(low, 'bn_x5_sigmoid', 0.75).startswith('at most ')
  assert figure_3.speed_up_text(low, 'bn_x5_sigmoid', 0.75).endswith(', 0/2')
  assert figure_3.speed_up_text(low, 'bn_x5_sigmoid', 0.6).endswith(', 2/2')


def test_where_the_plain_network_never_arrives_there_is_a_lower_bound():
  high = {'inception': several('inception', 9_000, 9_100, limit=0.7), 'bn_x5': BN_X5}
  high['bn_baseline'] = several('bn_baseline', 9_000, 9_100)
  assert figure_3.speed_up_text(high, 'bn_x5', 0.75).startswith('at least ')
  low = {
    name: several(name, 9_000, 9_100, limit=0.6) for name in ('inception', 'bn_x5')
  }
  assert figure_3.speed_up_text(low, 'bn_x5', 0.75) == '-'


def test_the_table_has_the_papers_speed_up_beside_ours():
  lines = figure_3.table({'inception': PLAIN, 'bn_x5': BN_X5}).splitlines()[2:]
  assert [line.split('|')[1].strip() for line in lines] == ['Inception', 'BN-x5']
  assert ' 14.8 |' in lines[1] and '3.33 (' in lines[1] and '2/2' in lines[1]


def test_the_text_says_how_far_seeds_spread():
  text = figure_3.text(networks())
  assert '3 degrees of freedom' in ' '.join(text.split())
  assert 'cannot be tested before two of them have three' in text
  three = {name: several(name, 5e3, 6e3, 7e3) for name in ('inception', 'bn_x5')}
  assert '(Brown and Forsythe)' in figure_3.text(three)


def test_the_text_says_which_protocols_are_mixed():
  fixed = several('inception', 5e3, 6e3, 7e3, log_spaced_evaluations=40)
  for name, said in (('bn_x5', '**Two protocols'), ('bn_x30', 'were fixed before the')):
    others = BN_X5 if name == 'bn_x5' else several(name, 5e3, log_spaced_evaluations=40)
    text = figure_3.text({'inception': fixed, name: others})
    assert said in text and '(history/README.md)' in text
  assert 'history' not in figure_3.text(networks())


def test_a_speed_up_in_time_counts_what_a_step_costs(monkeypatch):
  """Three times fewer steps of twice the time are one and a half times as fast."""
  seconds = {'inception': 0.1, 'bn_x5': 0.2}
  monkeypatch.setattr(comparison, 'seconds_per_step', lambda: ('a cpu', seconds))
  line = figure_3.table({'inception': PLAIN, 'bn_x5': BN_X5}).splitlines()[-1]
  in_steps, _, in_time = (cell.split()[0] for cell in line.split('|')[4:7])
  assert float(in_time) == pytest.approx(float(in_steps) / 2, abs=0.01)
  assert 'one machine, a cpu' in figure_3.text({'inception': PLAIN, 'bn_x5': BN_X5})


def test_both_decays_are_compared_at_their_last_common_step(tmp_path):
  slow = several('bn_x5', 5_000, 5_100, limit=0.79, horizon=30_000)
  text = decay.section(networks() | {SLOW_DECAY: slow}, tmp_path)
  assert 'After 30,000 steps' in text and 'BN-x5, slow decay' in text
  assert (tmp_path / 'decay.png').exists() and (tmp_path / 'decay.svg').exists()
  assert decay.section(networks(), tmp_path) == ''


def test_runs_that_evaluate_no_training_images_are_drawn_without(tmp_path):
  fixed = several('bn_x5', 5_000, 5_100, log_spaced_evaluations=40)
  for run in fixed:
    del run.curves['train_accuracy_undistorted']
  mixed = networks() | {SLOW_DECAY: [*several('bn_x5', 5_200), *fixed]}
  assert decay.section(mixed, tmp_path)
  figure_3.section(mixed, {}, tmp_path)
  assert (tmp_path / 'decay.png').exists() and (tmp_path / 'figure2.png').exists()


def test_a_page_of_the_first_seeds_is_written(tmp_path):
  """They say nothing of the spread; a figure of NaN ended with a traceback."""
  first = {name: runs[:1] for name, runs in networks().items()}
  text = figure_3.section(first, {}, tmp_path)
  assert 'which takes two runs of a network' in text and 'nan' not in text
  assert (tmp_path / 'runtimes.png').exists()


def test_the_speed_up_with_both_sides_tuned_stands_beside_it(tmp_path):
  path, tuned = tmp_path / 'speed_up.svg', effects.of_ratios([1.5, 1.6])
  for drawn in ({}, {'bn_x5': tuned}):
    figure_3.figure_3(networks(), drawn, path.with_suffix('.png'))
    assert ('both sides tuned' in path.read_text()) == bool(drawn)


def trained(**others):
  """The plain network, and others by their steps to 75 %."""
  return [*PLAIN, *(r for name, steps in others.items() for r in several(name, *steps))]


def ending_at(name, limit, **options):
  """Two runs of a network that rise to about this accuracy."""
  return [learning(name, 900, s, limit=limit + 0.001 * s, **options) for s in (0, 1)]


@pytest.mark.parametrize(
  'steps, expected',
  [((5_000, 5_200), SUPPORTED), ((9_900, 11_500), INCONCLUSIVE),
   ((20_000, 21_000), CONTRADICTED)],
)  # fmt: skip
def test_9_less_than_half_the_steps(steps, expected):
  made = Made(networks=trained(bn_baseline=steps))
  assert verdict('9', made) == expected
  ratio = 20_500 / (sum(steps) / 2)
  assert measured('9', made).effect.value == pytest.approx(ratio, rel=0.05)


def test_9_with_one_seed_takes_the_spread_of_the_others():
  made = Made(networks=trained(bn_baseline=[5_000]))
  finding = measured('9', made)
  assert finding.number == 1 and verdict('9', made) == SUPPORTED
  assert finding.effect.low > 2


def test_10_a_network_that_never_arrives_has_a_bound():
  low = several('bn_x5', 2_000, 2_100, limit=0.7)
  finding = measured('10', Made(networks=[*PLAIN, *low]))
  assert finding.effect.value == 0 and finding.effect.high < 1
  assert 'at most' in finding.text and '0 of 2 seeds arrive' in finding.text
  assert verdict('10', Made(networks=[*PLAIN, *low])) == CONTRADICTED


def test_10_says_what_the_slow_decay_does():
  slow = [
    run._replace(name=f'bn_x5_decay_of_inception_seed{i}')
    for i, run in enumerate(several('bn_x5', 4_000, 4_200))
  ]
  made = Made(networks=trained(bn_x5=(7_000, 7_300)), decay=slow)
  finding = measured('10', made)
  assert finding.effect.value == pytest.approx(2.9, rel=0.05)
  assert 'with the decay of the plain network it is 5.0' in finding.text


def test_10_and_11a_say_no_number_where_there_is_none():
  """Neither the slow decay nor the plain network arrives; nobody does at the later."""
  low = lambda name: several(name, 9_000, 9_100, limit=0.72)
  slow = [
    run._replace(name=f'bn_x5_decay_of_inception_seed{i}')
    for i, run in enumerate(low('bn_x5'))
  ]
  plain = low('inception')
  made = Made(networks=[*plain, *several('bn_x5', 7_000, 7_300)], decay=slow)
  assert 'with the decay of the plain network it does not' in measured('10', made).text
  made = Made(networks=[*plain, *low('bn_x5'), *low('bn_x30')])
  assert measured('11a', made).text.endswith('times the steps of BN-x5')


def test_12_and_23_nobody_arrives():
  low = [
    learning(name, 20_000, seed, limit=0.7)
    for name in ('inception', 'bn_x30', 'bn_baseline')
    for seed in (0, 1)
  ]
  others = several('bn_x5', 1_000, 1_100)
  made = Made(networks=[*low, *others])
  for key in ('12b', '23'):
    assert verdict(key, made) == INCONCLUSIVE
    assert 'neither network reaches' in measured(key, made).text


@pytest.mark.parametrize(
  'x30, expected',
  [((14_000, 14_500), SUPPORTED), ((10_000, 10_500), INCONCLUSIVE),
   ((6_000, 6_200), CONTRADICTED)],
)  # fmt: skip
def test_11a_starts_slower(x30, expected):
  made = Made(networks=trained(bn_x5=(10_000, 10_500), bn_x30=x30))
  assert verdict('11a', made) == expected


@pytest.mark.parametrize(
  'limits, expected',
  [
    ((0.8, 0.8), INCONCLUSIVE),
    ((0.83, 0.8), SUPPORTED),
    ((0.77, 0.8), CONTRADICTED),
  ],
)
def test_11b_accuracy_is_compared_at_the_last_common_step(limits, expected):
  """A longer run of BN-x30 is compared up to the end of BN-x5."""
  x30 = ending_at('bn_x30', limits[0], horizon=90_000)
  x5 = ending_at('bn_x5', limits[1], horizon=40_000)
  made = Made(networks=[*PLAIN, *x30, *x5])
  assert verdict('11b', made) == expected
  assert 'after 40,000 steps' in measured('11b', made).text


def test_12a_accuracy_is_compared_at_the_end_of_each():
  x30 = ending_at('bn_x30', 0.85, horizon=20_000)
  made = Made(networks=[*PLAIN, *x30])
  assert verdict('12a', made) == SUPPORTED
  assert measured('12a', made).effect.value == pytest.approx(5, abs=0.6)


def test_12a_a_run_that_was_cut_short_says_nothing_of_the_end():
  """It ends lower; the runs with patience ended by themselves."""
  fixed = {'limit': 0.6, 'log_spaced_evaluations': 40}
  short = [learning('inception', 20_000, 2, horizon=75_000, **fixed)]
  whole = [learning('inception', 20_000, 2, horizon=80_000, **fixed)]
  x30 = ending_at('bn_x30', 0.85, horizon=20_000)
  effect = lambda *more: measured('12a', Made(networks=[*PLAIN, *more, *x30])).effect
  assert effect(*short).value == effect().value
  assert effect(*whole).value > effect().value + 3
  with pytest.raises(Missing, match='a run of Inception of 80,000 steps'):
    measured('12a', Made(networks=[*short, *x30]))


def test_12a_keeps_the_runs_that_came_to_their_end_when_stage_1b_replaces_them():
  """All of its runs of Inception end at 75,000 steps, before their end."""
  fixed = {'limit': 0.6, 'log_spaced_evaluations': 40}
  stage = lambda name: [
    learning(network, 9_000, overrides['seed'], horizon=steps, name=run, **fixed)
    for run, network, steps, overrides in listed(name)
  ]
  x30 = ending_at('bn_x30', 0.85, horizon=20_000)
  whole = {name: stage(name) for name in family.STAGES}
  made = Made(networks=[*PLAIN, *x30], **whole)
  replaced = family.compared(made)['inception']
  assert {run.curves['step'][-1] for run in replaced} == {75_000}
  finding = measured('12a', made)
  assert finding.effect.value == pytest.approx(-20, abs=1)
  assert {id(run) for run in PLAIN} < {id(run) for run in finding.runs}


@pytest.mark.parametrize(
  'x30, expected',
  [((5_000, 5_200), SUPPORTED), ((6_000, 6_900), INCONCLUSIVE),
   ((9_000, 9_300), CONTRADICTED)],
)  # fmt: skip
def test_12b_asks_bn_x30_for_more(x30, expected):
  """2.6 points are a factor of e^0.26 in the steps of a run that was made up."""
  made = Made(networks=trained(bn_x30=x30))
  finding = measured('12b', made)
  ratio = 20_500 / (sum(x30) / 2) / math.exp(0.26)
  assert finding.effect.value == pytest.approx(ratio, rel=0.05)
  assert 'to 77.6 % BN-x30' in finding.text and 'as Inception to 75 %' in finding.text
  assert verdict('12b', made) == expected


@pytest.mark.parametrize('limit, expected', [(0.78, SUPPORTED), (0.70, CONTRADICTED)])
def test_13a_sigmoids_are_at_most_twice_as_far_below(limit, expected):
  runs = ending_at('bn_x5_sigmoid', limit)
  assert verdict('13a', Made(networks=[*PLAIN, *runs])) == expected


@pytest.mark.parametrize('limit, expected', [(0.75, SUPPORTED), (0.85, CONTRADICTED)])
def test_13b_sigmoids_are_below_relu(limit, expected):
  sigmoid = ending_at('bn_x5_sigmoid', limit)
  made = Made(networks=[*trained(bn_x5=(900, 950)), *sigmoid])
  assert verdict('13b', made) == expected


def test_a_network_that_was_not_trained_has_no_verdict():
  with pytest.raises(Missing, match='bn_x30'):
    family.trained(Made(networks=PLAIN), 'bn_x30')
  with pytest.raises(Missing, match='inception'):
    family.trained(Made(networks=several('bn_x5', 900)), 'bn_x5')

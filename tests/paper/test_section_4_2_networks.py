"""Which runs belong to a network, and how long ones are cut to a budget."""

import math
from pathlib import Path

import pytest
from paper.inception_made import learning, run_of

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper import stages
from bn_repro.run.errors import UserError

PLAIN = [run_of('inception', 10, 30, 50, 60, 60),
         run_of('inception', 10, 20, 40, 50, 70, 65, seed=1)]  # fmt: skip
BN_X5 = [run_of('bn_x5', 10, 60, 70), run_of('bn_x5', 10, 50, 75, seed=1)]


def test_other_seeds_of_an_ablation_count_for_the_networks():
  """Unless the networks have them; what a change was made to is no seed of theirs."""
  sweep = [
    run_of('bn_x5', 10, 99, seed=1), run_of('bn_x5', 10, 60, seed=2),
    run_of('bn_x30', 10, 60, seed=1), run_of('bn_x5', 10, 60, name='bn_x5_without_l2'),
    run_of('bn_x5', 10, 60, name='bn_x5_without_l2_seed3', seed=3),
  ]  # fmt: skip
  slow = [run_of('bn_x5', 10, 60, name='bn_x5_decay_of_inception')]
  networks = {'inception': PLAIN, 'bn_x5': BN_X5, family.SLOW_DECAY: slow}
  merged = family.with_other_seeds(networks, sweep)
  seeds = {
    name: [run.config['seed'] for run in group] for name, group in merged.items()
  }
  assert seeds == {
    'inception': [0, 1], 'bn_x5': [0, 1, 2], family.SLOW_DECAY: [0], 'bn_x30': [1]
  }  # fmt: skip
  assert merged['bn_x5'][1] is BN_X5[1]


def test_longer_runs_are_cut_to_the_budget_of_the_short():
  """To as many images: 200 steps of 32 are 50 of 128."""
  short = [run_of('bn_x5', 10, 60, 70), run_of('bn_x5', 10, 60)]
  cut = family.within_budget_of(short, {'inception': PLAIN, 'bn_x5': BN_X5})
  assert [len(run.curves['step']) for run in cut['inception']] == [3, 3]
  assert family.best(cut['inception'][0]) == 0.5 and family.best(PLAIN[0]) == 0.6
  large = run_of('bn_x5', 10, 60, 70, batch_size=128)
  (longer,) = family.within_budget_of([large], {'inception': PLAIN[:1]})['inception']
  assert len(longer.curves['step']) == 5


def test_the_last_evaluation_of_a_budget_need_not_fall_on_those_of_a_long_run():
  """20 epochs are 5,918 steps; a long run is evaluated at 5,920."""
  long = run_of('inception', 10, 30, 50, 60)
  for steps, kept in ((198, 3), (202, 3), (249, 3), (251, 4)):
    short = run_of('bn_x5', 10, 60)
    short.summary['num_steps'] = steps
    cut = family.within_budget_of([short], {'inception': [long]})['inception']
    assert len(cut[0].curves['step']) == kept


@pytest.mark.parametrize('steps, diverged', [(50, False), (200, True)])
def test_a_run_that_diverges_after_the_budget_has_not_diverged(steps, diverged):
  long = run_of('bn_x30', 10, 30, 50, diverged=True)  # between steps 100 and 200
  short = run_of('bn_x5', 10, 60)
  short.summary['num_steps'] = steps
  (cut,) = family.within_budget_of([short], {'bn_x30': [long]})['bn_x30']
  assert cut.summary['diverged'] == diverged
  assert ('1 diverged' in comparison.final_accuracy([cut])) == diverged


def test_the_gap_of_a_run_that_diverged_is_unknown():
  assert PLAIN[0].gap == pytest.approx(0.1)
  assert math.isnan(run_of('inception', 10, 11, diverged=True).gap)


def test_a_stage_counts_once_it_is_whole(monkeypatch):
  """Half of it changes nothing; then its runs take the place of those of their name."""
  again = [run_of('inception', 10, 40), run_of('inception', 10, 40, seed=2)]
  monkeypatch.setattr(stages, 'runs_listed', lambda _: [run.name for run in again])
  sweeps = {'networks': [*PLAIN, *BN_X5], 'stage1_networks': again[:1]}
  half = family.figure_3(lambda name: sweeps.get(name, []))
  assert half == {'inception': PLAIN, 'bn_x5': BN_X5}
  sweeps['stage1_networks'] = again
  whole = family.figure_3(lambda name: sweeps.get(name, []))
  assert [run.config['seed'] for run in whole['inception']] == [0, 1, 2]
  assert whole['inception'][0] is again[0] and whole['inception'][1] is PLAIN[1]


def test_once_all_stages_are_whole_no_earlier_run_counts(monkeypatch):
  """Nor is its file among those that the numbers come from."""
  again = {
    stage: [run_of('inception', 10, 40, seed=seed)]
    for seed, stage in enumerate(family.STAGES)
  }
  monkeypatch.setattr(
    stages, 'runs_listed', lambda stage: [run.name for run in again[stage]]
  )
  loaded = []

  def load(name):
    loaded.append(name)
    return again[name]

  assert family.figure_3(load) == {'inception': [run for (run,) in again.values()]}
  assert loaded == [*family.STAGES]


def test_a_seed_is_not_counted_twice_where_its_first_run_has_no_seed_in_its_name(
  monkeypatch,
):
  name = family.SLOW_DECAY
  first = run_of('bn_x5', 10, 40, name=name)
  again = run_of('bn_x5', 10, 50, name=f'{name}_seed0')
  monkeypatch.setattr(stages, 'runs_listed', lambda _: [again.name])
  sweeps = {'networks': PLAIN, 'decay': [first], 'stage1_again': [again]}
  networks = family.figure_3(lambda sweep: sweeps.get(sweep, []))
  assert networks == {'inception': PLAIN, name: [again]}


def test_runs_of_other_data_or_recipes_are_refused_and_named():
  good = {'bn_x5': [learning('bn_x5', 9_000, seed) for seed in (0, 1)]}
  family.check_comparable(good, Path('results'))
  larger = learning('inception', 9_000, **{'dataset.size': 128})
  with pytest.raises(UserError, match=r'inception_seed0 has dataset\.size=128'):
    family.check_comparable(good | {'inception': [larger]}, Path('results'))
  other = learning('bn_x5', 9_000, 2, learning_rate=0.1)
  with pytest.raises(UserError, match=r'bn_x5_seed2 has learning_rate=0\.1'):
    family.check_comparable({'bn_x5': [*good['bn_x5'], other]}, Path('results'))
  longer = learning('bn_x5', 9_000, 3, train_for='30 epochs')
  with pytest.raises(UserError, match=r"a\.json: .* has train_for='30 epochs'"):
    family.check_one_length([*good['bn_x5'], longer], Path('a.json'))

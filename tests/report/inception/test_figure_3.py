"""The table of figure 3, and BN-x5 with the decay of the plain network."""

import pytest

from bn_repro.errors import UserError
from bn_repro.report.inception import decay, figure_3
from bn_repro.report.inception import runs as family
from report.inception.made import BN_X5, PLAIN, run_of


def ended(run):
  """The same, ended by its patience and not by `train_for`."""
  return run._replace(summary=run.summary | {'num_steps': 10**6})


def test_a_network_that_does_not_meet_the_target_says_so():
  slow = [ended(run_of('bn_x5_sigmoid', 10, 61, seed=seed)) for seed in (0, 1)]
  assert figure_3.faster(family.speed_up(PLAIN, slow)) == '3; 1 of 2 never'
  assert figure_3.faster(family.speed_up(PLAIN, slow[1:])) == 'never'


def test_a_network_that_was_stopped_before_the_target_has_a_bound():
  """It takes more than its 200 steps, where the plain one takes 300: at most 1.5."""
  short = run_of('bn_baseline', 10, 50, 59)
  found = family.speed_up(PLAIN[:1], [short])
  assert (found.reached, found.at_most) == (0, 1.5)
  assert figure_3.faster(found) == 'at most 1.5'
  table = figure_3.table({'inception': PLAIN[:1], 'bn_baseline': [short]})
  assert ' not in 200 ' in table
  assert family.speed_up(PLAIN[:1], [ended(short)]).at_most == 0


def test_the_table_has_the_papers_row_under_each_of_ours():
  lines = figure_3.table({'inception': PLAIN, 'bn_x5': BN_X5}).splitlines()[2:]
  assert [line.split('|')[1].strip() for line in lines] == [
    '**Inception**', 'in the paper, on ImageNet',
    '**BN-x5**', 'in the paper, on ImageNet',
  ]  # fmt: skip
  assert '31 million' in lines[1] and '14.8' in lines[3] and '73.0 %' in lines[3]


def test_runs_whose_seed_the_plain_network_lacks_are_named():
  """Their maximum counts, and their steps to a target that is unknown do not."""
  both = {'inception': PLAIN[:1], 'bn_x5': BN_X5}
  assert 'Without a plain network yet: bn_x5_seed1.' in figure_3.text(both)
  assert 'Without a plain network' not in figure_3.text(
    {'inception': PLAIN, 'bn_x5': BN_X5}
  )


def test_a_network_without_any_target_is_a_users_mistake():
  both = {'inception': PLAIN[:1], 'bn_x5': BN_X5[1:]}
  with pytest.raises(
    UserError, match='no run of inception has the seed of bn_x5_seed1'
  ):
    figure_3.text(both)


def test_hours_of_different_machines_are_called_so():
  other = run_of('bn_x5', 10, 60)
  other.summary['device'] = 'another cpu'
  both = {'inception': PLAIN, 'bn_x5': [other]}
  assert 'bn_x5_seed0 on another cpu' in figure_3.text(both)
  assert 'machines' not in figure_3.text({'inception': PLAIN, 'bn_x5': BN_X5})


@pytest.mark.parametrize(
  'highest, said',
  [(49, 'no sign that'), (59, 'perhaps not the only one'), (65, 'decay was what')],
)
def test_decay_is_the_reason_only_if_without_it_the_target_is_met(
  highest, said, tmp_path
):
  slow = run_of('bn_x5', 10, 40, highest, name='bn_x5_decay_of_inception',
                learning_rate_decay_every='8 epochs')  # fmt: skip
  usual = run_of('bn_x5', 10, 30, 50, 70, learning_rate_decay_every='8/6 epochs')
  networks = {'inception': PLAIN[:1], 'bn_x5': [usual]}
  text = decay.text(networks, [slow], tmp_path)
  assert said in text and f'{highest - 50:+.1f} points' in text
  assert (tmp_path / 'decay.png').exists()

"""The tuned comparison says what simulated runs were made with, and nothing before."""

import numpy as np
import pytest
from paper.claims_made import CLAIMS, Made, measured, verdict
from paper.stages_made import stage_runs

from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper import section_4_2_stage_2a as stage_2a
from bn_repro.paper import section_4_2_stage_2b as stage_2b
from bn_repro.paper import stages
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from bn_repro.report import collect
from bn_repro.report.best_rate import best_rate
from configs.sweeps.inception_stage2_ladder import BEST
from support import PROJECT

RESULTS = PROJECT / 'results' / 'inception'


def rates(high=0.0, failing=()):
  """Stage 2a; so much more accuracy at 32 times Inception's rate; some runs fail."""
  runs = stage_runs(stage_2a.STAGE, lambda name: 0.6 + 0.002 * name.endswith('1'))
  for run in runs:
    if run.name.startswith('bn_x5_rate0.048'):
      run.curves['test_accuracy'][:] += high
    if run.name.startswith(tuple(failing)):
      run.curves['test_accuracy'][:] = 0.1
  return runs


@pytest.mark.parametrize(
  'high, expected', [(0.0, SUPPORTED), (-0.01, INCONCLUSIVE), (-0.03, CONTRADICTED)]
)
def test_16_a_loss_of_a_point_is_an_ill_effect(high, expected):
  made = Made(stage2_rates=rates(high))
  assert verdict('16', made) == expected
  assert measured('16', made).effect.value == pytest.approx(100 * high, abs=1e-6)
  assert '32 times is' in measured('16', made).text


def test_runs_that_fail_are_named_and_left_out_of_the_parabola(tmp_path):
  runs = stage_runs(stage_2a.STAGE)
  text = stage_2a.section(runs, tmp_path)
  for run in runs:
    if run.name.startswith('inception_rate0.048'):
      run.curves['test_accuracy'][:] = 0.1
  failed = stage_2a.section(runs, tmp_path)
  cells = lambda page: next(
    [cell.strip() for cell in line.split('|')]
    for line in page.splitlines()
    if line.startswith('| Inception')
  )
  assert cells(text)[2].split()[0] == cells(failed)[2].split()[0] == '0.012'
  assert cells(text)[-3:-1] == ['0.048', 'none tried']
  assert cells(failed)[-3:-1] == ['0.024', '0.048']


@pytest.mark.parametrize('network, lowest', [('inception', 0.0015), ('bn_x5', 0.006)])
def test_a_network_that_trains_at_no_learning_rate_is_said_so(
  network, lowest, tmp_path
):
  runs = stage_runs(stage_2a.STAGE)
  for run in family.of_network(runs, network):
    run.curves['test_accuracy'][:] = 0.1
  rows = stage_2a.section(runs, tmp_path).splitlines()
  title = f'| {stage_2a.TITLES[network]} '
  (row,) = (line for line in rows if line.startswith(title))
  assert 'trains at none' in row and f' {lowest}, ' in row


def test_a_best_rate_at_an_edge_asks_for_two_more_once(monkeypatch, tmp_path):
  """Of the learning rates at which no seed fails, as the protocol has it."""
  monkeypatch.setattr(stage_2a, '_figure', lambda *_: None)
  runs = stage_runs(stage_2a.STAGE)
  assert stage_2a.asked_for(runs) == {}
  assert 'asks for' not in stage_2a.section(runs, tmp_path)
  high = [run for run in runs if run.name.startswith('inception_rate0.048')]
  for run in high:
    run.curves['test_accuracy'][:] = 0.9
  assert stage_2a.asked_for(runs) == {'inception': pytest.approx([0.096, 0.192])}
  assert 'asks for\n0.096 and 0.192, too.' in stage_2a.section(runs, tmp_path)
  another = high[0].summary | {'config': high[0].config | {'learning_rate': 0.096}}
  assert stage_2a.asked_for([*runs, high[0]._replace(summary=another)]) == {}
  high[0].curves['test_accuracy'][-1] = 0.1
  assert stage_2a.asked_for(runs) == {}


def test_16_where_no_lower_rate_trains_no_loss_could_be_seen():
  """Both at chance, 32 times is no worse; that says nothing of side effects."""
  made = Made(stage2_rates=rates(failing=['bn_x5']))
  assert verdict('16', made) == INCONCLUSIVE
  assert 'a seed fails at 4 times, too' in measured('16', made).too_little


def test_the_best_rate_and_its_ratio_are_those_put_in(tmp_path):
  """Accuracy peaks at 0.012 in all networks."""
  text = stage_2a.section(stage_runs(stage_2a.STAGE), tmp_path)
  (row,) = (line for line in text.splitlines() if line.startswith('| recipe of BN-x5 '))
  best, ratio = (float(row.split('|')[i].split()[0]) for i in (2, 3))
  assert best == pytest.approx(0.012, rel=0.02) and ratio == pytest.approx(1, abs=0.02)


def test_16_stays_at_its_learning_rates_when_lower_ones_are_added(monkeypatch):
  """As the protocol adds where the best one lies at an edge."""
  runs = rates(-0.03)
  before = measured('16', Made(stage2_rates=runs)).effect
  for run in [run for run in runs if '_rate0.0015_' in run.name]:
    config = run.config | {'learning_rate': run.config['learning_rate'] / 4}
    summary = run.summary | {'config': config}
    runs.append(run._replace(name=f'lower_{run.name}', summary=summary))
  monkeypatch.setattr(stages, 'runs_listed', lambda _: [run.name for run in runs])
  assert measured('16', Made(stage2_rates=runs)).effect.value == before.value


def test_16_a_seed_that_falls_back_to_chance_does_not_widen_the_interval():
  """It is a failure, though its curve was above chance before."""
  runs = rates()
  (fallen,) = (run for run in runs if run.name == 'inception_rate0.048_seed0')
  fallen.curves['test_accuracy'][-20:] = 0.1
  assert stage_2a.fails(fallen)
  effect = measured('16', Made(stage2_rates=runs)).effect
  assert effect.high - effect.low < 1


def test_16_runs_that_diverge_at_once_contradict_it():
  """What is left of them is the evaluation of the initial weights."""
  runs = rates()
  for i, run in enumerate(runs):
    if run.name.startswith('bn_x5_rate0.048'):
      first = {name: values[:1] for name, values in run.curves.items()}
      runs[i] = run._replace(curves=first, summary=run.summary | {'diverged': True})
  assert verdict('16', Made(stage2_rates=runs)) == CONTRADICTED


def test_the_weights_themselves_count():
  """The runs are annealed; averaged weights would lag in the shortest ones."""
  runs = stage_runs(stage_2b.STAGE)
  for run in runs:
    run.curves['test_accuracy_polyak'] = np.full_like(run.curves['step'], 0.9)
  assert stage_2b.compare(runs) == stage_2b.compare(stage_runs(stage_2b.STAGE))


def test_the_tuned_speed_up_is_the_one_put_in(tmp_path):
  runs = stage_runs(stage_2b.STAGE)
  ratios = stage_2b.tuned_speed_ups(runs)
  assert ratios.keys() == {'bn_baseline', 'bn_x5'}
  assert ratios['bn_x5'].value == pytest.approx(5, rel=0.03)
  text = stage_2b.section(runs, tmp_path)
  assert '| recipe of BN-x5 ' in text and (tmp_path / 'ladder.png').exists()
  assert stage_2b.tuned_speed_ups([]) == {}


def width(effect):
  return effect.high / effect.low


def with_failing_seed(name):
  """Stage 2b; the first run of that network and length ends at chance."""
  runs = stage_runs(stage_2b.STAGE)
  (failing,) = (run for run in runs if run.name == f'{name}_seed0')
  failing.curves['test_accuracy'][:] = 0.1
  return runs


def test_a_failing_seed_widens_no_other_comparison():
  """It says nothing of how far the seeds of networks that train lie apart."""
  usual = stage_2b.compare(stage_runs(stage_2b.STAGE))
  compared = stage_2b.compare(with_failing_seed('bn_x5_sigmoid_12000_steps'))
  assert compared.spread.deviation == pytest.approx(usual.spread.deviation, rel=0.05)
  assert width(compared.speed_up('bn_x5')) == pytest.approx(
    width(usual.speed_up('bn_x5')), rel=0.01
  )
  assert compared.difference('bn_x5_sigmoid', 'inception') == (None, 12_000)


def test_a_network_of_which_a_seed_fails_has_no_speed_up(tmp_path):
  """The mean of runs that train and one that does not is no point of its curve."""
  runs = with_failing_seed('bn_x5_6000_steps')
  ratios = stage_2b.tuned_speed_ups(runs)
  assert ratios['bn_x5'] is None and ratios['bn_baseline'].low > 0
  rows = stage_2b.section(runs, tmp_path).splitlines()
  (row,) = (line for line in rows if line.startswith('| recipe of BN-x5 '))
  assert 'after 6,000 (a seed fails)' in row and 'not estimated' in row
  said = stage_2b.tuned(CLAIMS['10'], Made(stage2_ladder=runs))
  assert said.endswith('not estimated, no verdict by the same margin')
  shorter = with_failing_seed('inception_12000_steps')
  assert stage_2b.tuned_speed_ups(shorter)['bn_x5'], 'it is not compared there'


def test_twice_as_fast_can_be_told_of_bn_alone():
  """Claim 9's margin lies within its lengths: a bound of 2 could not be above it."""
  _, baseline = max(
    stage_2b.compare(stage_runs(stage_2b.STAGE)).ladders['inception'].items()
  )
  lengths = stage_2b.compare(stage_runs(stage_2b.STAGE)).ladders['bn_baseline']
  assert 24_000 / min(lengths) > 2 and len(baseline) == 4


def test_12b_asks_for_a_higher_accuracy_than_inceptions():
  compared = stage_2b.compare(stage_runs(stage_2b.STAGE))
  higher = compared.speed_up('bn_x5', higher=0.02).value
  # Half a doubling at four points a doubling.
  assert higher == pytest.approx(5 / 2**0.5, rel=0.03)
  text = stage_2b.tuned(CLAIMS['12b'], Made(stage2_ladder=stage_runs(stage_2b.STAGE)))
  assert text != stage_2b.tuned(
    CLAIMS['10'], Made(stage2_ladder=stage_runs(stage_2b.STAGE))
  )


@pytest.mark.parametrize('key', stage_2b.TUNED)
def test_a_claim_says_what_both_sides_tuned_give(key):
  """With the verdict by its own margin; nothing before the stage is whole."""
  runs = stage_runs(stage_2b.STAGE)
  text = stage_2b.tuned(CLAIMS[key], Made(stage2_ladder=runs))
  assert text.startswith('; with both sides tuned ')
  assert text.endswith(' by the same margin')
  assert stage_2b.tuned(CLAIMS[key], Made(stage2_ladder=runs[:-1])) == ''


def test_a_claim_without_a_tuned_comparison_says_nothing():
  runs = stage_runs(stage_2b.STAGE)
  assert stage_2b.tuned(CLAIMS['11a'], Made(stage2_ladder=runs)) == ''


def test_networks_are_compared_at_the_longest_length_that_both_have():
  compared = stage_2b.compare(stage_runs(stage_2b.STAGE))
  effect, length = compared.difference('bn_x5_sigmoid', 'inception')
  assert length == 12_000
  assert effect.value == pytest.approx(4 * np.log2(5), abs=0.1)


def test_the_ladder_has_the_learning_rates_that_stage_2a_found():
  """To three digits, once stage 2a is whole; sigmoids have that of the recipe."""
  runs = stages.if_whole(stage_2a.STAGE, collect.load(RESULTS, stage_2a.STAGE))
  if not runs:
    pytest.skip('stage 2a is not whole')
  by_rate = stage_2a.ladders(stage_2a.trained(runs), family.rate_of)
  best = {name: best_rate(of_one).rate.value for name, of_one in by_rate.items()}
  best['bn_x5_sigmoid'] = best['bn_x5']
  assert {name: float(f'{rate:.3g}') for name, rate in best.items()} == BEST

"""Figure 3's numbers from curves that were written down by hand."""

import math
import shutil

import numpy as np
import pytest
from PIL import Image

from bn_repro import sweep
from bn_repro.errors import UserError
from bn_repro.intervals import Interval
from bn_repro.report import collect, tables
from bn_repro.report.collect import Run
from bn_repro.report.inception import ablation, decay, figure_3, page
from bn_repro.report.inception import runs as family
from support import PROJECT

RESULTS = PROJECT / 'results' / 'inception'
EVERY = 100  # steps between evaluations


def run_of(network, *accuracies, seed=0, name='', diverged=False, **config):
  """A run with these accuracies in percent, from step 0 on."""
  accuracy = np.asarray(accuracies) / 100
  curves = {
    'step': EVERY * np.arange(len(accuracies), dtype=float),
    'test_accuracy': accuracy,
    'test_accuracy_moving_average': accuracy - 0.01,
    'train_accuracy_undistorted': np.minimum(accuracy + 0.1, 1),
  }
  usual = {
    'network': network, 'seed': seed, 'learning_rate': 0.0015, 'batch_size': 32,
    'dataset.name': 'imagenette_160', 'dataset.size': 64, 'model.width': 0.25,
    'model.normalization_group': 32, 'model.dropout': 0.4, 'train_at_least': '3 epochs',
    'model.dtype': 'float32', 'dataset.num_classes': 10, 'train_for': '2 epochs',
  }  # fmt: skip
  summary = {
    'config': usual | config, 'examples_per_second': 320.0,
    'num_steps': EVERY * (len(accuracies) - 1),
    'diverged': diverged, 'diverged_between_steps': [100, 200] if diverged else None,
    'git_revision': 'a' * 40, 'device': 'a cpu', 'versions': {'jax': '1'},
  }  # fmt: skip
  return Run(name or f'{network}_seed{seed}', summary, curves)


PLAIN = [
  run_of('inception', 10, 30, 50, 60, 60),
  run_of('inception', 10, 20, 40, 50, 70, 65, seed=1),
]
BN_X5 = [
  run_of('bn_x5', 10, 60, 70),  # meets 60 at step 100, the plain one at 300
  run_of('bn_x5', 10, 50, 75, seed=1),  # meets 70 at step 200, the plain one at 400
]


def test_the_target_of_a_seed_is_the_maximum_of_its_plain_network():
  assert family.steps_to_target(PLAIN, PLAIN).tolist() == [300, 400]
  assert family.steps_to_target(PLAIN, BN_X5).tolist() == [100, 200]


def test_speed_up_is_the_geometric_mean_over_seeds():
  found = family.speed_up(PLAIN, BN_X5)
  assert found.ratio.mean == pytest.approx(math.sqrt(3 * 2))
  assert found.ratio.low < found.ratio.mean < found.ratio.high
  assert (found.reached, found.seeds) == (2, 2)


def test_speed_up_to_a_lower_target():
  """At 10 points less the plain network is there at steps 200 and 400."""
  found = family.speed_up(PLAIN, BN_X5, below=0.1)
  assert found.ratio.mean == pytest.approx(math.sqrt(2 / 1 * 4 / 2))


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


def test_seeds_that_the_plain_network_lacks_are_left_out():
  other = run_of('bn_x5', 10, 90, seed=7)
  assert family.speed_up(PLAIN, [*BN_X5, other]).seeds == 2


def test_the_table_has_the_papers_row_under_each_of_ours():
  lines = figure_3.table({'inception': PLAIN, 'bn_x5': BN_X5}).splitlines()[2:]
  assert [line.split('|')[1].strip() for line in lines] == [
    '**Inception**', 'in the paper, on ImageNet',
    '**BN-x5**', 'in the paper, on ImageNet',
  ]  # fmt: skip
  assert '31 million' in lines[1] and '14.8' in lines[3] and '73.0 %' in lines[3]


def test_hours_of_different_machines_are_called_so():
  other = run_of('bn_x5', 10, 60)
  other.summary['device'] = 'another cpu'
  both = {'inception': PLAIN, 'bn_x5': [other]}
  assert 'bn_x5_seed0 on another cpu' in figure_3.text(both)
  assert 'machines' not in figure_3.text({'inception': PLAIN, 'bn_x5': BN_X5})


def networks():
  baseline = [
    run_of('bn_baseline', 10, 55, 66), run_of('bn_baseline', 10, 55, 70, seed=1)
  ]  # fmt: skip
  return {'inception': PLAIN, 'bn_baseline': baseline, 'bn_x5': BN_X5}


def test_other_seeds_of_an_ablation_count_for_the_networks():
  """Unless the networks have them; what a change was made to is no seed of theirs."""
  sweep = [
    run_of('bn_x5', 10, 99, seed=1), run_of('bn_x5', 10, 60, seed=2),
    run_of('bn_x30', 10, 60, seed=1), run_of('bn_x5', 10, 60, name='bn_x5_without_l2'),
  ]  # fmt: skip
  found = family.with_other_seeds({'inception': PLAIN, 'bn_x5': BN_X5}, sweep)
  seeds = {name: [run.config['seed'] for run in of] for name, of in found.items()}
  assert seeds == {'inception': [0, 1], 'bn_x5': [0, 1, 2], 'bn_x30': [1]}
  assert found['bn_x5'][1] is BN_X5[1]


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


def test_a_change_is_credited_with_what_it_gives():
  """What is taken back from BN-x5 counts the other way round."""
  runs = [
    run_of('bn_baseline', 10, 55, 71, name='bn_baseline_with_l2'),
    run_of('bn_x5', 10, 60, 70, name='bn_x5_without_l2'),
  ]
  added, taken = ablation.effects(networks(), runs)
  assert added.title == taken.title == 'a fifth of the L2 weight'
  assert added.accuracy.mean == pytest.approx(0.71 - 0.68)
  assert taken.accuracy.mean == pytest.approx(0.725 - 0.70)
  # Bests differ by 10, 4 and 5 points between the two seeds of the three networks.
  deviation = math.sqrt((10**2 + 4**2 + 5**2) / 2 / 3) / 100
  half = 3.182 * deviation * math.sqrt(1 + 1 / 2)
  assert added.accuracy.high - added.accuracy.mean == pytest.approx(half, rel=1e-3)


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
  assert ('1 diverged' in figure_3.maximum([cut])) == diverged


def test_accuracy_of_single_runs_has_the_interval_of_the_images():
  found = family.more_accuracy([run_of('bn_x5', 10, 60)], [run_of('bn_x30', 10, 50)])
  half = 1.96 * math.sqrt((0.6 * 0.4 + 0.5 * 0.5) / 3925)
  assert found.mean == pytest.approx(0.1)
  assert found.high - found.mean == pytest.approx(half, rel=1e-3)


def test_accuracy_over_seeds_has_the_interval_of_the_seeds():
  found = family.more_accuracy(BN_X5, PLAIN)
  deviation = math.sqrt((5**2 / 2 + 10**2 / 2) / 2) / 100
  assert found.high - found.mean == pytest.approx(4.303 * deviation, rel=1e-3)


@pytest.mark.parametrize(
  'kind, interval, verdict',
  [
    ('better', (0.02, 0.01, 0.03), 'agrees'),
    ('better', (0.02, -0.01, 0.05), 'cannot be told'),
    ('better', (-0.02, -0.03, -0.01), 'disagrees'),
    ('better', (0.02, math.nan, math.nan), 'cannot be told'),
    ('harmless', (0.0, -0.009, 0.009), 'agrees'),
    ('harmless', (0.0, -0.02, 0.02), 'cannot be told'),
    ('harmless', (-0.03, -0.04, -0.02), 'disagrees'),
  ],
)
def test_verdicts(kind, interval, verdict):
  change = ablation.Change('l2', 'title', 'claim', kind)
  steps = Interval(1.0, 0.9, 1.1)
  effect = ablation.Effect(change, 'setting', Interval(*interval), steps)
  assert effect.verdict() == verdict


def test_a_faster_change_is_judged_by_its_steps():
  change = ablation.CHANGES[0]
  accuracy = Interval(0.5, 0.4, 0.6)
  faster = lambda *steps: ablation.Effect(change, '', accuracy, Interval(*steps))
  assert faster(2, 1.5, 3).verdict() == 'agrees'
  assert faster(2, 0.5, 8).verdict() == 'cannot be told'
  assert faster(0.5, 0.3, 0.8).verdict() == 'disagrees'


def test_a_faster_change_may_not_cost_accuracy():
  harm = Interval(-0.05, -0.06, -0.04)
  effect = ablation.Effect(ablation.CHANGES[0], '', harm, Interval(2, 1.5, 3))
  assert effect.verdict() == 'disagrees'


@pytest.mark.parametrize(
  'missed, steps, verdict',
  [
    ('without', (2, 1.5, 3), 'agrees'),
    ('without', (0.5, 0.3, 0.8), 'cannot be told'),
    ('with', (2, 1.5, 3), 'cannot be told'),
    ('with', (0.5, 0.3, 0.8), 'disagrees'),
  ],
)
def test_who_never_reached_the_target_bounds_one_side(missed, steps, verdict):
  accuracy = Interval(0.5, 0.4, 0.6)
  effect = ablation.Effect(ablation.CHANGES[0], '', accuracy, Interval(*steps), missed)
  assert effect.verdict() == verdict


@pytest.mark.parametrize(
  'last, missed, said',
  [(70, '', '2 times fewer'), (40, 'without', 'at least 2 times fewer')],
)
def test_without_the_change_the_target_may_not_be_reached(last, missed, said):
  """BN-x5 reaches 50 % at step 100 of 200; without dropout's removal later or never."""
  short = run_of('bn_x5', 10, 40, last, name='bn_x5_without_dropout')
  usual = {'inception': PLAIN[:1], 'bn_x5': BN_X5[:1]}
  (effect,) = ablation.effects(usual, [short])
  assert (effect.missed, ablation.times(effect)) == (missed, said)


def test_steps_of_a_seed_that_the_plain_network_lacks_do_not_count():
  short = run_of('bn_x5', 10, 40, 50, 65, name='bn_x5_without_dropout')
  late = run_of('bn_x5', 10, 20, 30, 35, seed=2)
  of_seeds = lambda runs: ablation.effects({'inception': PLAIN, 'bn_x5': runs}, [short])
  (effect,), (of_pairs,) = of_seeds([*BN_X5, late]), of_seeds(BN_X5)
  assert effect.faster == of_pairs.faster
  assert effect.accuracy.mean < of_pairs.accuracy.mean


def test_the_gap_of_a_run_that_diverged_is_unknown():
  assert PLAIN[0].gap == pytest.approx(0.1)
  assert math.isnan(run_of('inception', 10, 11, diverged=True).gap)


@pytest.mark.parametrize(
  'sweep_name, runs',
  [
    ('learning_rates', [run_of('inception', 10, 65, learning_rate=0.0075)]),
    ('ablation', [run_of('bn_x5', 10, 60, name='bn_x5_without_l2'), BN_X5[1]]),
  ],
)
def test_a_sweep_of_which_the_other_side_is_still_to_be_run(
  tmp_path, monkeypatch, sweep_name, runs
):
  """Rates of the plain network alone; a change, and BN-x5 with another seed alone."""
  shown = {'networks': PLAIN[:1], sweep_name: runs}
  monkeypatch.setattr(page.collect, 'load', lambda _, name: shown.get(name, []))
  page.write(tmp_path)
  text = (tmp_path / 'README.md').read_text()
  assert '## The seven changes' not in text and 'at its own best rate' not in text


def test_a_page_is_written_from_whatever_has_been_run(tmp_path, monkeypatch):
  """From the plain network alone to all sweeps."""
  ablated = [
    run_of('bn_x5', 10, 60, 70, name=f'bn_x5_without_{n}') for n in ('l2', 'dropout')
  ]
  rates = [
    run_of('inception', 10, 12, 10, learning_rate=0.0075, diverged=True),
    run_of('bn_x5', 10, 65, 72, learning_rate=0.1),
    run_of('inception_sigmoid', 10, 10, 10),
  ]
  whole = {
    'networks': [run for runs in networks().values() for run in runs],
    'learning_rates': rates, 'ablation': ablated, 'normalization': BN_X5[:1],
  }  # fmt: skip
  for number in range(1, 5):
    shown = dict(list(whole.items())[:number])
    monkeypatch.setattr(page.collect, 'load', lambda _, name, s=shown: s.get(name, []))
    page.write(tmp_path)
    text = (tmp_path / 'README.md').read_text()
    assert ('## The seven changes' in text) == ('ablation' in shown)
    assert '**Not trained yet:** BN-x30, BN-x5-Sigmoid.' in text
    assert 'ahead:** Inception, seed 0 (after 2 epochs); Inception, seed 1' in text
    assert ('1 diverged' in text) == ('learning_rates' in shown)
  assert {path.stem for path in tmp_path.glob('*.png')} == {
    'figure2', 'learning_rates', 'ablation', 'overfitting',
  }  # fmt: skip


def test_without_the_plain_network_there_is_no_page(tmp_path, monkeypatch):
  monkeypatch.setattr(page.collect, 'load', lambda _, name: BN_X5)
  with pytest.raises(UserError, match='no run of inception'):
    page.write(tmp_path)


@pytest.fixture(scope='module')
def committed():
  return {name: collect.load(RESULTS, name) for name in page.SWEEPS}


def test_the_page_and_its_figures_made_again_are_those_committed(tmp_path):
  """A PNG names the numbers that it shows by their digest."""
  for path in [*RESULTS.glob('*.json'), *RESULTS.glob('*.csv')]:
    shutil.copy(path, tmp_path)
  page.write(tmp_path)
  made = {path.name for path in tmp_path.iterdir()}
  assert made == {path.name for path in RESULTS.iterdir()}
  assert (tmp_path / 'README.md').read_text() == (RESULTS / 'README.md').read_text()
  for path in tmp_path.glob('*.png'):
    with Image.open(path) as again, Image.open(RESULTS / path.name) as drawn:
      assert again.text['Description'] == drawn.text['Description']


def test_the_table_in_the_readme_is_that_of_the_runs(committed, tmp_path):
  copy = tmp_path / 'README.md'
  copy.write_text((PROJECT / 'README.md').read_text())
  text = page.headline(*committed.values())
  tables.replace_block(copy, 'inception tables', text)
  assert copy.read_text() == (PROJECT / 'README.md').read_text()


@pytest.mark.parametrize('name', page.SWEEPS)
def test_the_runs_are_some_of_the_sweeps(committed, name):
  """Of those that asked for it, with the very config, from a clean commit."""
  path = PROJECT / 'configs' / 'sweeps' / f'inception_{name}.py'
  asked = {run.name: run for run in sweep.read(path)}
  for run in committed[name]:
    wanted = dict(asked[run.name].overrides)
    assert {field: run.config[field] for field in wanted} == wanted
    assert len(run.summary['git_revision']) == 40
    assert run.summary['best_test_accuracy'] == pytest.approx(family.best(run))
    assert run.curves['step'][-1] == run.summary['last_step']

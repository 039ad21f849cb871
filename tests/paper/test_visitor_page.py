"""results/index.html is what the committed numbers give, and needs nothing else."""

import json
import re
import shutil

import numpy as np
import pytest
from paper.inception_made import networks, run_of
from paper.stages_made import stage_runs
from paper.test_reports import report

from bn_repro.paper import ledger, visitor_page
from bn_repro.paper import visitor_page_data as data_lib
from bn_repro.report.crossing import crossing
from bn_repro.run.errors import UserError
from support import PROJECT

RESULTS = PROJECT / 'results'
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.S)


@pytest.fixture(scope='module')
def committed():
  return (RESULTS / visitor_page.NAME).read_text()


@pytest.fixture(scope='module')
def data(committed):
  return json.loads(DATA.search(committed)[1])


@pytest.fixture(scope='module')
def claims():
  """The entries of claims.json by their keys, such as '12b'."""
  entries = json.loads((RESULTS / 'claims.json').read_text())
  return {f'{entry["number"]}{entry["part"]}': entry for entry in entries}


def test_the_committed_page_is_one_made_anew(committed):
  """By another process, on another day: so it is the same each time."""
  assert visitor_page.text(RESULTS) == committed


def test_it_is_one_file_of_less_than_3_mb(committed):
  assert len(committed.encode()) < 3e6
  assert "default-src 'none'" in committed
  loading = r'<(?:script|img|link|iframe)[^>]*(?:src|href)="([^"]*)"'
  assert re.findall(loading, committed) == ['data:,']
  assert not re.search(r'@import|url\(', (visitor_page.PARTS / 'style.css').read_text())


def test_the_licences_of_the_libraries_stand_in_it(committed):
  for words in ('Observable, Inc.', 'Mike Bostock', 'THE SOFTWARE IS PROVIDED "AS IS"'):
    assert words in committed.partition('<style>')[0]


@pytest.mark.parametrize(
  'key, percent, network',
  [('9', 75, 'bn_baseline'), ('10', 75, 'bn_x5')],
)
def test_a_speed_up_is_that_of_its_claim(data, claims, key, percent, network):
  (row,) = [row for row in data['targets'][str(percent)] if row['id'] == network]
  for end in ('value', 'low', 'high'):
    assert row[end] == pytest.approx(claims[key][end], rel=1e-4)


def test_there_is_a_target_for_each_percent(data):
  assert [*map(int, data['targets'])] == [*range(40, 79)]
  for rows in data['targets'].values():
    assert [row['id'] for row in rows] == [
      network['id'] for network in data['networks']
    ]


@pytest.mark.parametrize('change, key', [('a fifth of the L2 weight', '18'),
  ('no LRN', '20'), ('weaker distortions', '22')])  # fmt: skip
def test_the_effect_of_a_change_is_that_of_its_claim(data, claims, change, key):
  of_stage = 'stage3' in claims[key]['experiment']
  (row,) = (
    row for row in data['stage3' if of_stage else 'changes']
    if row['change'] == change and (of_stage or row['setting'].startswith('mean'))
  )  # fmt: skip
  for end in ('value', 'low', 'high'):
    assert row['accuracy'][end] == pytest.approx(claims[key][end], rel=1e-4)


def test_smoothed_curves_are_those_of_the_estimator(data):
  for name, runs in data_lib.networks_in(RESULTS)[0].items():
    for run, seed in zip(runs, data['smoothed'][name]['seeds'], strict=True):
      target = 0.6
      at = np.interp(target, seed['mean'], seed['step'])
      assert at == pytest.approx(crossing(run, target).steps, rel=0.01)


def test_figures_are_of_claims_and_are_there():
  keys = ' '.join(visitor_page.FIGURES.values()).split()
  assert len(set(keys)) == len(keys)
  assert {*keys} <= {claim.key for claim in ledger.read_claims()}
  assert all((RESULTS / f'{name}.svg').exists() for name in visitor_page.FIGURES)


@pytest.mark.parametrize(
  'key, sections, named',
  [
    ('1a', ['section 4.1', 'figure 1'], ["section 4.1's network"]),
    ('10', ['section 1', 'figure 3'], ['Inception', 'BN-x5']),
    ('13b', ['figure 3'], ['BN-x5', 'BN-x5-Sigmoid']),
    ('14', ['section 4.2.2'], ['Inception with sigmoids']),
    ('25', ['section 4.2.3', 'figure 4'], ['ensemble of six']),
    ('29', ['section 5'], ['Inception', 'BN-x30']),
  ],
)
def test_what_a_claim_is_filtered_by(claims, key, sections, named):
  assert visitor_page.sections_of(claims[key]) == sections
  assert visitor_page.networks_of(claims[key]) == named


def test_seeds_that_were_evaluated_at_other_steps_have_a_band():
  """Stage 1 of the protocol evaluates less often than the runs before it."""
  often = run_of('bn_x5', *range(10, 60))
  seldom = run_of('bn_x5', *range(20, 70, 10), seed=1)
  seldom.curves['step'] = seldom.curves['step'] * 10
  band = data_lib.curves({'bn_x5': [often, seldom]}, smooth=False)['bn_x5']['band']
  assert band['step'] == [0, 1000, 2000, 3000, 4000]
  assert band['low'] == [0.1, 0.2, 0.3, 0.4, 0.5]
  assert band['high'] == [0.2, 0.3, 0.4, 0.5, 0.6]


def test_a_target_that_no_seed_reaches_is_said_so():
  rows = data_lib.targets(networks(), [79])[79]
  assert {row['steps'] for row in rows} != {'not reached'}
  short = {name: runs for name, runs in networks().items() if name != 'bn_x5'}
  short['bn_x5'] = [
    run._replace(curves={n: v[:60] for n, v in run.curves.items()})
    for run in networks()['bn_x5']
  ]
  (row,) = [r for r in data_lib.targets(short, [79])[79] if r['id'] == 'bn_x5']
  assert row['steps'] == 'not reached' and row['reached'] == '0 of 2'
  assert row['seeds'].startswith('more than ') and row['text'].startswith('at most ')


@pytest.fixture(scope='module')
def whole_stage():
  """Runs of stage 3 whose accuracy rises by two points with each F alone."""
  runs = stage_runs('stage3_changes', lambda name: 0.6)
  for run in runs:
    run.curves['test_accuracy'][:] += 0.02 * ('F+' in run.name)
  return runs


def test_stage_3_stands_beside_the_ablation_when_it_is_whole(whole_stage):
  assert data_lib.stage_3([]) == data_lib.stage_3(whole_stage[:-1]) == []
  rows = data_lib.stage_3(whole_stage)
  values = {row['change']: row['accuracy']['value'] for row in rows}
  assert values.pop('thorough shuffling') == pytest.approx(2)
  assert [*values.values()] == pytest.approx([0] * 6, abs=1e-9)
  assert all(row['speed_up']['value'] > 0 for row in rows)
  assert {row['target'] for row in rows} == {'50 %'}


def test_without_its_json_it_is_refused_in_one_line(tmp_path):
  needed = ('claims', 'inception/networks', 'inception/ablation', 'mnist/grid')
  for missing in needed:
    folder = missing.split('/')[0]
    with pytest.raises(UserError) as refused:
      visitor_page.text(tmp_path)
    assert str(refused.value) == (
      f'no {tmp_path}/{missing}.json; run scripts/report.py --report={folder} first'
    )
    for path in RESULTS.glob(f'{missing}*'):
      to = tmp_path / path.relative_to(RESULTS)
      to.parent.mkdir(exist_ok=True)
      shutil.copyfile(path, to)


def test_the_command_ends_with_code_2_and_writes_nothing(tmp_path):
  ended = report('--report=page', f'--results={tmp_path}')
  assert ended.returncode == 2
  assert ended.stderr.startswith(f'error: no {tmp_path}/claims.json; ')
  assert len(ended.stderr.splitlines()) == 1
  assert not (tmp_path / visitor_page.NAME).exists()

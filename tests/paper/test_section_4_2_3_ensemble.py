"""The page on figure 4 is made from two evaluations and says what they say."""

import json
import shutil

import pytest
from paper.claims_made import Made, measured, verdict
from PIL import Image

from bn_repro.paper import section_4_2_3_ensemble as ensemble
from bn_repro.paper import section_4_2_3_figures as ensemble_figures
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from bn_repro.report import collect, figures
from bn_repro.run.errors import UserError
from support import PROJECT

RESULTS = PROJECT / 'results' / 'ensemble'


def share(accuracy):
  return {'accuracy': accuracy, 'low': accuracy - 0.01, 'high': accuracy + 0.01}


def scores(accuracy, error=0.05):
  bins = {'examples': [0] * 7 + [50] + [0] * 6 + [150]}
  bins['confidence'] = [0.0] * 7 + [0.5] + [0.0] * 6 + [0.95]
  bins['accuracy'] = [0.0] * 7 + [0.4] + [0.0] * 6 + [0.9]
  return {
    'examples': 200, 'top_1': share(accuracy), 'top_5': share(0.9),
    'cross_entropy': 0.7, 'expected_calibration_error': error, 'bins': bins,
  }  # fmt: skip


def page(crops, first, together):
  """Six members whose accuracy rises by a point each."""
  members = [
    {'network': f'ensemble_{i + 1}', 'seed': i + 1, 'step': 1000, 'size': 64,
     'train_for': '80 epochs', 'checkpoint': 'a' * 64, **scores(first + i / 100)}
    for i in range(6)
  ]  # fmt: skip
  choices = [
    {'members': n, 'choices': 1, 'top_1': first, 'lowest': first, 'highest': first}
    for n in range(1, 7)
  ]
  return {
    'dataset': 'imagenette_160', 'crops': crops, 'different_crops': min(crops, 48),
    'statistics': 'population', 'population_batches': 100, 'members': members,
    'ensemble': scores(together), 'by_number_of_members': choices,
    'git_revision': 'b' * 40, 'device': 'a cpu', 'versions': {'jax': '1'},
  }  # fmt: skip


@pytest.fixture
def results(tmp_path):
  for crops, name in ensemble.FILES.items():
    gain = 0.04 if crops == 144 else 0.0
    text = json.dumps(page(crops, 0.70 + gain, 0.78 + gain))
    (tmp_path / f'{name}.json').write_text(text)
  for path in RESULTS.glob('ensemble*'):
    shutil.copy(path, tmp_path)
  return tmp_path


def written(results):
  ensemble.write(results)
  return (results / 'README.md').read_text()


def test_ours_and_beneath_it_the_papers_row(results):
  lines = [line for line in written(results).splitlines() if line.startswith('|')]
  table = [[cell.strip() for cell in line.split('|')[1:-1]] for line in lines[2:9]]
  names = ['**one network, mean of six**', 'in the paper, on ImageNet']
  assert [row[0] for row in table[:4]] == names * 2
  assert table[0][1:3] == ['1', '72.50 % (70.00 to 75.00 by member)']
  assert table[1][1:] == ['1', '74.80 %', '92.18 %']
  assert table[4][1:3] == ['1', '78.00 % (77.00 to 79.00)']
  assert table[6][1:] == ['144', '79.90 %', '95.10 %']


def test_a_loss_that_is_no_number_is_told_as_nan(results):
  """Null in the file: that of a network that gives none."""
  for name in ensemble.FILES.values():
    text = (results / f'{name}.json').read_text()
    lost = text.replace('"cross_entropy": 0.7', '"cross_entropy": null', 1)
    (results / f'{name}.json').write_text(lost)
  lines = written(results).splitlines()
  assert sum(line.rstrip('| ').endswith(' nan') for line in lines) == 2


def test_gains_are_differences_of_the_table(results):
  text = written(results)
  assert '144 crops gain +4.0 points of top-1 (in the paper +3.2)' in text
  assert 'six networks gain +5.5 over one (in the paper +1.9), on one crop +5.5' in text


def test_members_are_told_apart(results):
  text = written(results)
  for what in ensemble.WHAT.values():
    assert what in text
  assert 'runs/inception/ensemble/member_6' in text and '48 differ' in text


def test_time_and_memory_are_told_once_they_are_measured(results):
  assert 'Time and memory' not in written(results)
  row = {
    'images': 8, 'crops': 144, 'different_crops': 140.5, 'seconds_per_image': 9.87,
    'peak_bytes': 2_500_000_000,
  }  # fmt: skip
  cost = {'rows': [row], 'device': 'a cpu'}
  (results / 'imagenet_sample.json').write_text(json.dumps(cost))
  text = written(results)
  assert '140.5' in text and '9.87' in text and '2.5 GB' in text


def test_figures_carry_the_digest_of_what_they_show(results):
  ensemble.write(results)
  files = {crops: results / f'{name}.json' for crops, name in ensemble.FILES.items()}
  pages = {crops: json.loads(path.read_text()) for crops, path in files.items()}
  with Image.open(results / 'members.png') as picture:
    assert picture.text['Description'] == figures.digest_of_page(pages)
  assert {path.stem for path in results.glob('*.png')} == {
    'members', 'reliability', 'crops',
  }  # fmt: skip


def test_the_picture_of_the_crops_that_the_readme_shows():
  with Image.open(RESULTS / 'crops.png') as picture:
    expected = figures.digest_of_page(ensemble_figures.SHAPES)
    assert picture.text['Description'] == expected


def test_the_committed_page_and_figures_are_of_the_files_beside_them(tmp_path):
  for path in (*RESULTS.glob('*.json'), *RESULTS.glob('*.csv')):
    shutil.copy(path, tmp_path)
  assert written(tmp_path) == (RESULTS / 'README.md').read_text()
  for path in tmp_path.glob('*.png'):
    with Image.open(path) as again, Image.open(RESULTS / path.name) as drawn:
      assert again.text['Description'] == drawn.text['Description']


def test_a_missing_evaluation_says_what_makes_it(tmp_path):
  with pytest.raises(UserError, match=r'bn_repro.evaluate --workdir=DIR,DIR,\.\.\.'):
    ensemble.write(tmp_path)


def test_the_runs_are_those_that_were_evaluated():
  runs = {run.config['network']: run for run in collect.load(RESULTS, 'ensemble')}
  for name in ensemble.FILES.values():
    for member in json.loads((RESULTS / f'{name}.json').read_text())['members']:
      run = (
        runs.pop(member['network']) if name == '144_crops' else runs[member['network']]
      )
      assert member['step'] == run.summary['last_step']
      assert member['seed'] == run.config['seed']
      assert member['train_for'] == run.config['train_for']
  assert not runs


def top_1(accuracy):
  return {'top_1': {'accuracy': accuracy}, 'examples': 1000}


def evaluated(gains, together):
  one = (0.800, 0.805, 0.795)
  return Made(**{
    '1_crop': {'members': [top_1(a) for a in one]},
    '144_crops': {'members': [top_1(a + g) for a, g in zip(one, gains)],
                  'ensemble': top_1(together), 'different_crops': 48},
  })  # fmt: skip


@pytest.mark.parametrize(
  'gains, expected',
  [((0.03, 0.031, 0.029), SUPPORTED), ((0.03, -0.03, 0.0), INCONCLUSIVE),
   ((-0.03, -0.031, -0.029), CONTRADICTED)],
)  # fmt: skip
def test_24_more_crops(gains, expected):
  assert verdict('24', evaluated(gains, 0.9)) == expected


@pytest.mark.parametrize(
  'together, expected', [(0.9, SUPPORTED), (0.82, INCONCLUSIVE), (0.7, CONTRADICTED)]
)
def test_25_the_ensemble_is_compared_with_its_best_member(together, expected):
  made = evaluated((0, 0, 0), together)
  assert verdict('25', made) == expected
  expected_points = 100 * (together - 0.805)
  assert measured('25', made).effect.value == pytest.approx(expected_points)

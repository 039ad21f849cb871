"""Claim 30: no image is normalized by itself, and no statistics are mixed up."""

import numpy as np
import pytest
from fake_experiment import only_rows, small

from bn_repro.analysis import shifted_data
from bn_repro.evaluate.network import restore
from bn_repro.paper.analysis_page import TABLES
from bn_repro.run.errors import UserError
from data.prepared import examples, prepare
from data.prepared import small_config as small_photographs
from evaluate.saved import save_run
from support import small_config


def images(number=3, side=24):
  return np.random.default_rng(0).integers(0, 256, (number, side, side, 3), np.uint8)


@pytest.mark.parametrize('shift', shifted_data.SHIFTS)
def test_every_amount_shifts_further(shift):
  change, amounts = shifted_data.SHIFTS[shift]
  original = images()
  changed = [shifted_data.shifted(original, change, amount) for amount in amounts]
  apart = [np.abs(c.astype(float) - original).mean() for c in changed]
  assert 0 < apart[0] < apart[1] < apart[2]
  assert all(c.shape == original.shape and c.dtype == np.uint8 for c in changed)


def test_brightness_is_a_factor_and_contrast_keeps_the_mean():
  original = images()
  dark = shifted_data.shifted(original, *_of('brightness', 1))
  np.testing.assert_allclose(dark, 0.4 * original, atol=1)
  pale = shifted_data.shifted(original, *_of('contrast', 2))
  assert pale.std() == pytest.approx(0.2 * original.std(), rel=0.05)


def _of(shift, place):
  change, amounts = shifted_data.SHIFTS[shift]
  return change, amounts[place]


@pytest.fixture
def measured(tmp_path, monkeypatch):
  """Of random weights on the digits, two shifts; and what each call was given."""
  only_rows(monkeypatch, '3c', '5b')
  brightness = {'brightness': (shifted_data.SHIFTS['brightness'][0], (0.5,))}
  monkeypatch.setattr(shifted_data, 'SHIFTS', brightness)
  network = restore(save_run(small('bn_x5:{}'), tmp_path / 'run'))
  calls = []

  def recorded(make):
    def made(*built):
      compute = make(*built)

      def call(params, first, examples):
        result = compute(params, first, examples)
        calls.append((make.__name__, np.array(examples.images), first, result))
        return result

      return call

    return made

  class OfHalves(shifted_data._Halves):
    def __init__(self, subject, examples):
      for name in ('PopulationStatistics', 'ExampleEvaluator'):
        monkeypatch.setattr(shifted_data, name, recorded(getattr(shifted_data, name)))
      super().__init__(subject, examples)

  monkeypatch.setattr(shifted_data, '_Halves', OfHalves)
  return shifted_data.measure(network), calls


@pytest.mark.slow
def test_one_half_is_normalized_by_the_other(measured):
  """Both halves before, with the statistics of training; then each with the other's."""
  found, calls = measured
  assert [row['shift'] for row in found['rows']] == ['none', 'brightness']
  of_shift = calls[len(calls) // 2 :]
  names = 2 * ['PopulationStatistics'] + 4 * ['ExampleEvaluator']
  assert [name for name, *_ in of_shift] == names
  (_, even, _, of_even), (_, odd, _, of_odd), *evaluated = of_shift
  assert even.shape == odd.shape and not np.array_equal(even, odd)
  clean = evaluated[0][2]
  expected = [(even, clean), (odd, clean), (odd, of_even), (even, of_odd)]
  for (_, images, statistics, _), (half, own) in zip(evaluated, expected):
    np.testing.assert_array_equal(images, half)
    assert statistics is own


@pytest.mark.slow
def test_rows_count_images(measured):
  found, calls = measured
  for row in found['rows']:
    assert row['images'] == 360
    assert 0 <= row['right_before'] <= 360 and 0 <= row['right_after'] <= 360
  accuracies = [result[0]['accuracy'] for name, _, _, result in calls[2:4]]
  assert found['rows'][0]['right_before'] == pytest.approx(180 * sum(accuracies))
  assert 'of the shifted images' in TABLES['shifted_data'](found)


@pytest.mark.parametrize(
  'make, expected',
  [
    (lambda: small_config('batch_norm'), 'holds no network of section 4.2'),
    (lambda: small_photographs('streamed', **{'dataset.feed': 'stream'}),
     'does not keep its images in memory; choose a run'),
  ],
)  # fmt: skip
def test_a_run_whose_images_cannot_be_shifted(make, expected, tmp_path, monkeypatch):
  """What is wrong is the run, and not the data set, which may be in the list."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  only_rows(monkeypatch, '5b')
  prepare(tmp_path, 'streamed', examples(3), examples(2))
  network = restore(save_run(make(), tmp_path / 'run'))
  with pytest.raises(UserError, match=expected):
    shifted_data.measure(network)

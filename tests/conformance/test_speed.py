"""The table of speeds: medians, ratios within a round, and who is faster."""

import numpy as np
import pytest

from bn_repro.paper import conformance_speed as speed
from bn_repro.run.errors import UserError
from conformance.probes import speed as probe


def answer(forward, backward, megabytes=1.0):
  return {'forward': forward, 'backward': backward, 'megabytes': megabytes}


def page(**others):
  """Ours takes 1 + 1, then 2 + 2 ms: the machine is half as fast in round two."""
  rounds = [
    {'ours': {'7x7x8': answer(factor * 1e-3, factor * 1e-3)}}
    | {
      name: {'7x7x8': answer(factor * forward, factor * 1e-3, 8)}
      for name, forward in others.items()
    }
    for factor in (1, 2)
  ]
  return {'threads': 1, 'rounds': rounds}


def test_ratios_are_taken_within_a_round():
  made = page(torch_layer=2e-3)
  assert speed.ratios(made, 'torch_layer', '7x7x8') == pytest.approx([1.5, 1.5])
  text = speed.table(made, {'torch_layer': 'PyTorch'})
  assert '3.0 + 1.5 ms, 1.50 (1.50 to 1.50), 8 MB' in text and '| PyTorch' in text
  assert '1.5 + 1.5 ms, 1 MB' in text


def test_what_was_not_measured_has_no_row_and_no_vote():
  made = page(torch_layer=0.5e-3, flax_linen=3e-3, slow=4e-3)
  for measured in made['rounds']:
    measured['onnx'] = {'7x7x8': {'not_offered': 'inference only'}}
  assert 'onnx' not in speed.table(made, {})
  (line,) = speed.verdicts(made)
  assert '1 of 3 others take less time than ours, so ours is faster than' in line
  assert 'flax.linen 2.00, PyTorch 0.75 of its time' in line


def test_ours_may_be_the_slower_one():
  (line,) = speed.verdicts(page(torch_layer=0.5e-3, flax_linen=0.9e-3))
  assert '2 of 2 others' in line and 'ours is not faster than their median' in line


def test_without_ours_there_is_nothing_to_compare():
  made = page()
  del made['rounds'][0]['ours']
  with pytest.raises(UserError, match=r"speed_1.json lacks 'ours'; remove the file"):
    speed.shapes(made)


def test_the_peak_of_memory_begins_anew():
  """A large array that is gone does not count, a smaller one after it does."""
  large = np.ones(2**25)
  del large
  before = probe.start_of_peak()
  small = np.ones(2**23)  # 64 MB
  assert 60 < probe.peak() - before < 80
  assert small.size


def test_a_round_in_which_ours_failed_has_no_ratio():
  made = page(torch_layer=2e-3)
  made['rounds'][1]['ours']['7x7x8'] = {'error': 'the process ended'}
  assert speed.ratios(made, 'torch_layer', '7x7x8') == pytest.approx([1.5])
  assert '3.0 + 1.5 ms, 1.50 (1.50 to 1.50)' in speed.table(made, {})
